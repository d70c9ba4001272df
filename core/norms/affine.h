// The learned end of most norms:  y = h ⊙ weight + bias  per channel. Folding moves it into the next Linear (norm.h).
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>

#include "core/norms/norm.h"

namespace autonorm::norms {

class Affine {
 public:
  enum class Parts { kNone, kWeight, kWeightAndBias };
  Affine() = default;  // y = h
  // Registers "weight" [C], initially 1, and "bias" [C], initially 0, as `parts` says.
  Affine(ParameterTable& table, int64_t channels, Parts parts = Parts::kWeightAndBias);

  at::Tensor operator()(const at::Tensor& h) const;  // h [B, N, C]
  explicit operator bool() const { return static_cast<bool>(weight_); }
  // Of a non-empty one; nullopt where that part does not exist.
  std::optional<at::Tensor> weight() const;
  std::optional<at::Tensor> bias() const;
  void add_stats(std::map<std::string, double>& stats) const;  // of "weight" and "bias"
  std::optional<Fold> fold() const;                            // nullopt without a weight
  // The fold of y = ((x + offset) ⊙ factor) ⊙ weight + bias; an undefined offset is 0. [C]
  Fold after(const at::Tensor& offset, const at::Tensor& factor) const;

 private:
  ParameterSlot weight_, bias_;  // [C]; empty where there is none
};

inline Affine::Parts affine_parts(bool affine, bool bias = true) {
  if (!affine) return Affine::Parts::kNone;
  return bias ? Affine::Parts::kWeightAndBias : Affine::Parts::kWeight;
}

}  // namespace autonorm::norms
