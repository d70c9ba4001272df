#include "core/norms/parameter_table.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/base/status.h"
#include "core/norms/initial_values.h"

namespace autonorm::norms {

const at::Tensor& ParameterSlot::get() const {
  AUTONORM_CHECK(table_ != nullptr, "read of an empty parameter slot");
  return table_->parameters_[index_].value;
}

const at::Tensor& BufferSlot::get() const {
  AUTONORM_CHECK(table_ != nullptr, "read of an empty buffer slot");
  return table_->buffers_[index_].value;
}

ParameterTable::Scope::Scope(ParameterTable& table, std::string_view name)
    : table_(table), old_length_(table.prefix_.size()) {
  table_.prefix_ += std::string(name) + ".";
}

ParameterTable::Scope::~Scope() { table_.prefix_.resize(old_length_); }

ParameterSlot ParameterTable::add(std::string_view name, at::IntArrayRef shape, InitSpec init, bool trainable) {
  Parameter parameter{.name = full_name(name),
                      .value = at::empty(shape, at::TensorOptions(dtype_)),
                      .init = init,
                      .trainable = trainable,
                      .decay = shape.size() > 1};
  const bool fresh = std::ranges::none_of(parameters_, [&](const Parameter& p) { return p.name == parameter.name; });
  AUTONORM_CHECK(fresh, "parameter '", parameter.name, "' is registered twice");
  fill_initial(parameter.value, init, seed_, parameter.name);
  parameter.value.set_requires_grad(trainable);
  parameters_.push_back(std::move(parameter));
  return ParameterSlot(this, parameters_.size() - 1);
}

BufferSlot ParameterTable::add_buffer(std::string_view name, at::IntArrayRef shape, double initial) {
  buffers_.push_back({full_name(name), at::full(shape, initial, at::TensorOptions(dtype_))});
  return BufferSlot(this, buffers_.size() - 1);
}

BufferSlot ParameterTable::add_counter(std::string_view name, bool warm_up) {
  buffers_.push_back({full_name(name), at::zeros({1}, at::TensorOptions(at::kLong)), /*on_host=*/true, warm_up});
  return BufferSlot(this, buffers_.size() - 1);
}

std::vector<at::Tensor> ParameterTable::trainable() const {
  std::vector<at::Tensor> tensors;
  for (const Parameter& parameter : parameters_) {
    if (parameter.trainable) tensors.push_back(parameter.value);
  }
  return tensors;
}

int64_t ParameterTable::count() const {
  int64_t elements = 0;
  for (const Parameter& parameter : parameters_) elements += parameter.value.numel();
  return elements;
}

void ParameterTable::freeze_from(size_t first) {
  for (size_t i = first; i < parameters_.size(); ++i) {
    parameters_[i].trainable = false;
    parameters_[i].value.set_requires_grad(false);
  }
}

void ParameterTable::to_device(at::Device device) {
  for (Parameter& parameter : parameters_) {
    parameter.value = parameter.value.detach().to(device).set_requires_grad(parameter.trainable);
  }
  for (Buffer& buffer : buffers_) {
    if (!buffer.on_host) buffer.value = buffer.value.to(device);
  }
}

}  // namespace autonorm::norms
