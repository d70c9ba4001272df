// Residual network for small images (He et al. 2016, section 4.2), for contrast: norms on maps [B, C, H, W].
//
//   x = relu(stem(conv3x3(images)));  three stages of n blocks of width, 2·width, 4·width channels, depth = 6n + 2
//   x = relu(shortcut(x) + block(conv3x3(relu(block(conv3x3(x))))))
//   logits = head(mean over positions)
// The first convolution of the second and third stage has stride 2; the shortcut then takes every second row and column
// and adds channels of zeros on both sides (option A: no parameters).
//
// Shapes  images [B, ch, H, W] → logits [B, classes]; a norm sees each position of a map as a token, [B, H·W, C]
// Sites   stem; block: both norms of every block ("stages.S.I.norm1", "…norm2")
// Init    convolutions N(0, 2 / (9·in)), biases (conv_bias) 0; the head torch's default
#pragma once
#include <optional>
#include <vector>

#include "core/models/linear.h"
#include "core/models/model.h"
#include "core/models/norm_sites.h"

namespace autonorm::models {

class Resnet final : public Model {
 public:
  // kInvalid: depth is not 6n + 2.
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  std::vector<FoldSite> fold_sites() const override;
  int64_t macs() const override { return macs_ + norms_.macs(); }

 private:
  struct Conv {
    norms::ParameterSlot weight;  // [out, in, 3, 3]
    norms::ParameterSlot bias;    // [out]; empty without model.conv_bias
    int64_t stride = 1;
  };
  struct ResidualBlock {
    Conv conv1, conv2;
    NormSite norm1, norm2;
  };
  struct Map {
    int64_t channels = 0, height = 0, width = 0;
    int64_t positions() const { return height * width; }
  };
  Resnet(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);
  // Both move `map` to what they make.
  Conv add_conv(const char* name, int64_t out, int64_t stride, Map& map);
  ResidualBlock add_block(const config::TrialConfig& config, int64_t out, int64_t stride, Map& map);
  static at::Tensor convolved(const Conv& conv, const at::Tensor& x);
  at::Tensor run_block(const ResidualBlock& block, const at::Tensor& x, const norms::StepContext& step) const;

  Conv stem_;
  NormSite stem_norm_;
  std::vector<ResidualBlock> blocks_;
  std::optional<Linear> head_;
  int64_t macs_ = 0;  // without norms
};

}  // namespace autonorm::models
