// A model: images in, logits out, over one ParameterTable. Written for one trial; one thread at a time.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

#include "core/config/trial_config.h"
#include "core/norms/norm.h"
#include "core/norms/parameter_table.h"

namespace autonorm::models {

struct InputShape {
  int64_t channels = 1, height = 8, width = 8, classes = 10;
};

class Model {
 public:
  virtual ~Model() = default;
  // images [B, channels, height, width] float, scaled to [-1, 1] → logits [B, classes]
  virtual at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) = 0;
  virtual int64_t macs() const = 0;  // multiply-accumulates of one forward pass of one image
  virtual norms::ParameterTable& table() = 0;
  virtual std::map<std::string, std::map<std::string, double>> norm_stats() const = 0;  // site → values
};

// kInvalid when the shapes do not fit (patch does not divide the image, heads do not divide dim, unknown site), naming
// key and remedy. Parameters are `dtype` (float32; float64 for numerical checks) on the CPU, initialised from the
// configuration's seed.
Result<std::unique_ptr<Model>> make_model(const config::TrialConfig& config, const InputShape& input,
                                          at::ScalarType dtype = at::kFloat);

}  // namespace autonorm::models
