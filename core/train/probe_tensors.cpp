#include "core/train/probe_tensors.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace autonorm::train {
namespace {

Status replace(ProbeInput& input, const std::string& name, at::Tensor& target) {
  const at::Tensor value = input.find(name);
  if (!value.defined()) return {};
  if (value.sizes() != target.sizes()) {
    return invalid("tensor '", name, "' has shape ", value.sizes(), ", expected ", target.sizes());
  }
  const at::NoGradGuard no_grad;
  target.copy_(value);
  return {};
}

}  // namespace

Result<at::Tensor> ProbeInput::get(const std::string& name) {
  at::Tensor tensor = find(name);
  if (tensor.defined()) return tensor;
  std::vector<std::string> names;
  for (const auto& [present, value] : tensors_) names.push_back(present);
  return invalid("IN has no tensor '", name, "'; it has ", names.empty() ? "none" : join(names));
}

at::Tensor ProbeInput::find(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return {};
  used_[name] = true;
  return found->second;
}

Result<at::Tensor> ProbeInput::get_for_step(const std::string& name, int64_t step) {
  if (at::Tensor own = find(cat(name, '.', step)); own.defined()) return own;
  return get(name);
}

std::vector<std::string> ProbeInput::names_with_prefix(std::string_view prefix) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : tensors_) {
    if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  }
  return names;
}

Status ProbeInput::check_all_used() const {
  std::vector<std::string> unused;
  for (const auto& [name, value] : tensors_) {
    if (!used_.contains(name)) unused.push_back(name);
  }
  if (unused.empty()) return {};
  return invalid("IN has tensors that nothing uses: ", join(unused),
                 "; `trainer probe --names SPEC` lists parameters and state");
}

Status replace_parameters(ProbeInput& input, norms::ParameterTable& table) {
  for (norms::Parameter& parameter : table.parameters()) {
    AUTONORM_RETURN_IF_ERROR(replace(input, "param." + parameter.name, parameter.value));
  }
  for (norms::Buffer& buffer : table.buffers()) {
    AUTONORM_RETURN_IF_ERROR(replace(input, "state." + buffer.name, buffer.value));
  }
  return {};
}

void append_parameters(const norms::ParameterTable& table, checkpoint::NamedTensors& out) {
  for (const auto& parameter : table.parameters())
    out.emplace_back("param." + parameter.name, parameter.value.detach());
  for (const auto& buffer : table.buffers()) out.emplace_back("state." + buffer.name, buffer.value);
}

std::string list_names(const norms::ParameterTable& table) {
  std::string lines;
  for (const auto& parameter : table.parameters()) {
    lines +=
        cat("param.", parameter.name, ' ', parameter.value.sizes(), parameter.trainable ? " trainable\n" : " frozen\n");
  }
  for (const auto& buffer : table.buffers()) lines += cat("state.", buffer.name, ' ', buffer.value.sizes(), '\n');
  return lines;
}

Status ProbeSpec::check_keys(const std::vector<std::string>& known) const {
  for (const auto& [key, value] : json_.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    const std::string guess = nearest(key, known);
    return invalid("unknown key '", key, "'; allowed: ", join(known),
                   guess.empty() ? "" : "; did you mean '" + guess + "'?");
  }
  return {};
}

Result<int64_t> ProbeSpec::integer(const char* key, int64_t fallback, int64_t min) const {
  if (!json_.contains(key)) return fallback;
  const auto& value = json_.at(key);
  if (!value.is_number_integer() || value.get<int64_t>() < min) {
    return invalid("'", key, "' is ", value.dump(), "; an integer of at least ", min, " is allowed");
  }
  return value.get<int64_t>();
}

Result<double> ProbeSpec::real(const char* key, double fallback) const {
  if (!json_.contains(key)) return fallback;
  if (!json_.at(key).is_number()) return invalid("'", key, "' is ", json_.at(key).dump(), "; a number is allowed");
  return json_.at(key).get<double>();
}

Result<std::string> ProbeSpec::word(const char* key, const std::vector<std::string>& words) const {
  if (!json_.contains(key)) return words.front();
  const auto& value = json_.at(key);
  if (value.is_string() && std::ranges::find(words, value.get<std::string>()) != words.end()) {
    return value.get<std::string>();
  }
  return invalid("'", key, "' is ", value.dump(), "; allowed: ", join(words));
}

nlohmann::json ProbeSpec::object(const char* key) const {
  return json_.contains(key) ? json_.at(key) : nlohmann::json::object();
}

Result<at::ScalarType> probe_dtype(const ProbeSpec& spec) {
  const auto word = spec.word("dtype", {"float32", "float64", "bfloat16"});
  if (!word.ok()) return word.status();
  if (*word == "float64") return at::kDouble;
  return *word == "bfloat16" ? at::kBFloat16 : at::kFloat;
}

}  // namespace autonorm::train
