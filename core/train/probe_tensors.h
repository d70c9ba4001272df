// What a probe reads and writes: tensors by name and JSON with strict keys.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/checkpoint/checkpoint.h"
#include "core/norms/parameter_table.h"

namespace autonorm::train {

// The input tensors; remembers which were asked for, so that unknown ones are found at the end.
class ProbeInput {
 public:
  explicit ProbeInput(checkpoint::NamedTensors tensors) : tensors_(tensors.begin(), tensors.end()) {}
  // kInvalid names the missing tensor.
  Result<at::Tensor> get(const std::string& name);
  // Undefined when absent.
  at::Tensor find(const std::string& name);
  // "NAME.STEP" if present, else "NAME"; kInvalid when neither is there.
  Result<at::Tensor> get_for_step(const std::string& name, int64_t step);
  // What follows `prefix` in the names that start with it, sorted.
  std::vector<std::string> names_with_prefix(std::string_view prefix) const;
  // kInvalid lists tensors that nothing asked for.
  Status check_all_used() const;

 private:
  std::map<std::string, at::Tensor> tensors_;
  std::map<std::string, bool> used_;
};

// Replaces initial values by "param.NAME" and "state.NAME" where given, in place. kInvalid: wrong shape.
Status replace_parameters(ProbeInput& input, norms::ParameterTable& table);
void append_parameters(const norms::ParameterTable& table, checkpoint::NamedTensors& out);
std::string list_names(const norms::ParameterTable& table);

// SPEC as an object with a closed set of keys.
class ProbeSpec {
 public:
  explicit ProbeSpec(const nlohmann::json& json) : json_(json) {}
  // kInvalid: a key that is not in `known`, with the nearest valid one.
  Status check_keys(const std::vector<std::string>& known) const;
  // Absent → `fallback`; kInvalid: another type, or below `min`.
  Result<int64_t> integer(const char* key, int64_t fallback, int64_t min) const;
  Result<double> real(const char* key, double fallback) const;
  // kInvalid lists the words. The first is the fallback.
  Result<std::string> word(const char* key, const std::vector<std::string>& words) const;
  nlohmann::json object(const char* key) const;  // {} when absent

 private:
  const nlohmann::json& json_;
};

// "float32" | "float64" | "bfloat16" of key "dtype".
Result<at::ScalarType> probe_dtype(const ProbeSpec& spec);
// Parameters are float64 in a float64 probe, else float32.
inline at::ScalarType parameter_dtype(at::ScalarType dtype) { return dtype == at::kDouble ? at::kDouble : at::kFloat; }

}  // namespace autonorm::train
