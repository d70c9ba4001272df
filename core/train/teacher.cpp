#include "core/train/teacher.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <numeric>

namespace autonorm::train {
namespace {

// Copies the tensor of this name into `target` in place.
Status copy_named(const std::map<std::string, at::Tensor>& by_name, const std::string& name, at::Tensor& target) {
  const auto found = by_name.find(name);
  if (found == by_name.end()) return invalid("the checkpoint has no tensor '", name, "'");
  if (found->second.sizes() != target.sizes()) {
    return invalid("tensor '", name, "' of the checkpoint has shape ", found->second.sizes(), ", the model has ",
                   target.sizes());
  }
  const at::NoGradGuard no_grad;
  target.copy_(found->second);
  return {};
}

}  // namespace

Status load_parameters(const checkpoint::NamedTensors& tensors, norms::ParameterTable& table,
                       const std::function<bool(const std::string& name)>& wanted) {
  const std::map<std::string, at::Tensor> by_name(tensors.begin(), tensors.end());
  for (norms::Parameter& parameter : table.parameters()) {
    if (wanted && !wanted(parameter.name)) continue;
    AUTONORM_RETURN_IF_ERROR(copy_named(by_name, "model." + parameter.name, parameter.value));
  }
  for (norms::Buffer& buffer : table.buffers()) {
    if (wanted && !wanted(buffer.name)) continue;
    AUTONORM_RETURN_IF_ERROR(copy_named(by_name, "buffer." + buffer.name, buffer.value));
  }
  return {};
}

Result<std::unique_ptr<models::Model>> load_trained(const std::filesystem::path& folder,
                                                    const models::InputShape& input) {
  const std::string context = "trained model in " + folder.string();
  const auto checkpoint = checkpoint::load(folder);
  if (!checkpoint.ok()) return checkpoint.status().with_context(context);
  const auto config = config::parse_trial(checkpoint->config);
  if (!config.ok()) return config.status().with_context(context);
  auto model = models::make_model(*config, input);
  if (!model.ok()) return model.status().with_context(context);
  const Status loaded = load_parameters(checkpoint->tensors, (*model)->table());
  if (!loaded.ok()) return loaded.with_context(context);
  return model;
}

at::Tensor teacher_logits(models::Model& teacher, const data::Split& split, const data::PixelScale& scale,
                          uint64_t seed) {
  constexpr int64_t kBatch = 256;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < split.size(); first += kBatch) {
    const int64_t last = std::min(split.size(), first + kBatch);
    std::vector<int64_t> samples(static_cast<size_t>(last - first));
    std::iota(samples.begin(), samples.end(), first);
    const norms::StepContext context{.training = false, .seed = seed, .samples = &samples};
    const at::Tensor indices = at::arange(first, last, at::TensorOptions(at::kLong).device(split.labels.device()));
    parts.push_back(teacher.forward(data::gather_images(split, indices, scale), context).to(at::kFloat));  // [B, K]
  }
  return at::cat(parts);
}

}  // namespace autonorm::train
