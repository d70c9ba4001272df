// A model: images in, logits out, over one ParameterTable. Written for one trial; one thread at a time.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/trial_config.h"
#include "core/models/norm_sites.h"
#include "core/norms/norm.h"
#include "core/norms/parameter_table.h"

namespace autonorm::models {

struct InputShape {
  int64_t channels = 1, height = 8, width = 8, classes = 10;
  int64_t values() const { return channels * height * width; }
  // Of square patches with sides of `patch` pixels, which divide height and width.
  int64_t patches(int64_t patch) const { return (height / patch) * (width / patch); }
  int64_t patch_values(int64_t patch) const { return channels * patch * patch; }
};

// How well a model fills in what it did not see, per batch of B images of N patches of P values.
struct Reconstruction {
  at::Tensor prediction;  // [B, N, P]
  at::Tensor hidden;      // [B, N], 1 where the model did not see the patch, else 0
  at::Tensor losses;      // [B], at least float32
  at::Tensor close;       // [] int64: hidden values that are off by less than 0.1
  int64_t values = 0;     // hidden values of one image
};

class Model {
 public:
  virtual ~Model() = default;
  // images [B, channels, height, width] float, scaled to [-1, 1] (or [0, 1]) → logits [B, classes], or what
  // reconstruct() predicts
  virtual at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) = 0;
  // Whether the model learns from images alone, by reconstruct(), and has no logits.
  virtual bool reconstructs() const { return false; }
  virtual Reconstruction reconstruct(const at::Tensor& images, const norms::StepContext& step);
  virtual int64_t macs() const = 0;  // multiply-accumulates of one forward pass of one image
  virtual std::vector<FoldSite> fold_sites() const { return {}; }
  norms::ParameterTable& table() { return table_; }
  const norms::ParameterTable& table() const { return table_; }
  std::map<std::string, std::map<std::string, double>> norm_stats() const { return norms_.stats(); }  // norm → values
  // Name of each place for a norm, which its parameters start with ("blocks.0.pre_attn") → its site ("pre_attn").
  const std::map<std::string, std::string>& norm_places() const { return norms_.places(); }

 protected:
  Model(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
      : model_(config.model), input_(input), table_(config.seed, dtype) {}
  Model(const Model&) = delete;  // norms and layers point into the table
  Model& operator=(const Model&) = delete;

  const config::ModelConfig model_;
  const InputShape input_;
  norms::ParameterTable table_;
  NormSites norms_;
};

// kInvalid when the shapes do not fit (patch does not divide the image, heads do not divide dim, unknown site), naming
// key and remedy. Parameters are `dtype` (float32; float64 for numerical checks) on the CPU, initialised from the
// configuration's seed.
Result<std::unique_ptr<Model>> make_model(const config::TrialConfig& config, const InputShape& input,
                                          at::ScalarType dtype = at::kFloat);

}  // namespace autonorm::models
