// Named parameters and buffers of a model. Layers register slots here and hold indices, so that a tensor can be saved,
// sharded, folded or swapped for a batched one by name. Not thread-safe. Order of registration is the order everywhere.
#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace autonorm::norms {

// How an initial value is made; random ones come from RandomStream(seed, "init", full parameter name), element by
// element.
enum class Init { kZeros, kOnes, kConstant, kTruncatedNormal, kNormal, kUniform };
struct InitSpec {
  Init kind = Init::kZeros;
  double scale = 0;  // constant: the value; normal, truncated normal (cut at ±2 standard deviations): the deviation;
                     // uniform: ± bound
};

struct Parameter {
  std::string name;  // full path, e.g. "blocks.0.attn.qkv.weight"
  at::Tensor value;  // leaf; requires_grad() == trainable
  InitSpec init;
  bool trainable = true;
  bool decay = true;  // weight decay applies; false for ndim ≤ 1
};
// What a layer remembers from batch to batch and does not learn; part of checkpoints and of the weights' hash.
struct Buffer {
  std::string name;
  at::Tensor value;      // the layer writes it in place
  bool on_host = false;  // stays on the CPU: a counter that host code reads
  bool warm_up = false;  // counts a warm-up, which a trial that starts from a stage's weights begins anew
};

class ParameterTable;
class Stateful;  // norm.h

// A handle that stays valid for the life of the table; an empty slot (default) says "this layer has no such parameter".
class ParameterSlot {
 public:
  ParameterSlot() = default;
  explicit operator bool() const { return table_ != nullptr; }
  const at::Tensor& get() const;  // requires a non-empty slot

 private:
  friend class ParameterTable;
  ParameterSlot(ParameterTable* table, size_t index) : table_(table), index_(index) {}
  ParameterTable* table_ = nullptr;
  size_t index_ = 0;
};

// Likewise for a buffer.
class BufferSlot {
 public:
  BufferSlot() = default;
  explicit operator bool() const { return table_ != nullptr; }
  const at::Tensor& get() const;  // requires a non-empty slot

 private:
  friend class ParameterTable;
  BufferSlot(ParameterTable* table, size_t index) : table_(table), index_(index) {}
  ParameterTable* table_ = nullptr;
  size_t index_ = 0;
};

class ParameterTable {
 public:
  explicit ParameterTable(uint64_t seed, at::ScalarType dtype = at::kFloat) : seed_(seed), dtype_(dtype) {}
  ParameterTable(const ParameterTable&) = delete;  // slots point here

  // Scoped name prefix: names registered while it lives get "prefix." in front; scopes nest.
  class Scope {
   public:
    Scope(ParameterTable& table, std::string_view name);
    ~Scope();

   private:
    ParameterTable& table_;
    size_t old_length_;
  };

  // A parameter that already exists under this full name is a programmer error.
  ParameterSlot add(std::string_view name, at::IntArrayRef shape, InitSpec init, bool trainable = true);
  // Filled with `initial`, in the dtype of the parameters.
  BufferSlot add_buffer(std::string_view name, at::IntArrayRef shape, double initial);
  BufferSlot add_counter(std::string_view name, bool warm_up = false);  // int64 [1] on the host, from 0
  // A layer that has something to do at each optimizer step; it outlives every step.
  void add_stateful(Stateful& layer) { stateful_.push_back(&layer); }
  const std::vector<Stateful*>& stateful() const { return stateful_; }

  std::string full_name(std::string_view name) const { return prefix_ + std::string(name); }
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::vector<Buffer>& buffers() { return buffers_; }
  const std::vector<Buffer>& buffers() const { return buffers_; }
  std::vector<at::Tensor> trainable() const;  // tensors only, in order
  int64_t count() const;                      // elements of all parameters, trainable or not
  // Every parameter registered from index `first` on stops learning. Before an optimizer or reducer takes the list.
  void freeze_from(size_t first);
  void to_device(at::Device device);
  uint64_t seed() const { return seed_; }

 private:
  friend class ParameterSlot;
  friend class BufferSlot;
  uint64_t seed_;
  at::ScalarType dtype_;
  std::string prefix_;
  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<Stateful*> stateful_;
};

}  // namespace autonorm::norms
