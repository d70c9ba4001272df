// The norms of a model by site name; a site of kind "none" costs nothing.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/trial_config.h"
#include "core/norms/norm.h"

namespace autonorm::models {

// A handle into NormSites; -1 where the site has no norm.
struct NormSite {
  int64_t index = -1;
};

// A norm and the Linears or convolutions that can do its last step: what folding rewrites (fold.h).
struct FoldSite {
  std::string site;                  // "blocks.0.pre_attn"
  const norms::Norm* norm;           // of the model
  std::vector<std::string> linears;  // "blocks.0.attn.qkv"
  // false: these alone read the norm's output. true: the norm alone reads the output of the only one, so that a norm
  // that is a scale and a shift altogether can go there, whoever reads its output.
  bool before = false;
};

class NormSites {
 public:
  // Builds the norm that `config` wants at `kind` ("pre_attn"), registered under "SCOPE.kind" of the table's current
  // scope; its noise stream has the same full name.
  NormSite add(const config::TrialConfig& config, const std::string& kind, int64_t channels, int64_t tokens,
               norms::ParameterTable& table);
  // Likewise, registered under "SCOPE.name": a site that has several norms.
  NormSite add(const config::TrialConfig& config, const std::string& kind, const std::string& name, int64_t channels,
               int64_t tokens, norms::ParameterTable& table);
  // x [B, N, C] → [B, N, C]; x itself where there is no norm.
  at::Tensor apply(NormSite site, const at::Tensor& x, const norms::StepContext& step) const;
  // Each position of a map is a token: x [B, C, H, W] → [B, C, H, W].
  at::Tensor apply_map(NormSite site, const at::Tensor& x, const norms::StepContext& step) const;
  // Adds the norm of a site, where it has one, that `linears` alone read.
  void add_fold_site(NormSite site, std::vector<std::string> linears, std::vector<FoldSite>& sites) const;
  // Adds the norm of a site, where it has one, that alone reads what `linear` computes.
  void add_fold_site_behind(NormSite site, const std::string& linear, std::vector<FoldSite>& sites) const;
  int64_t macs() const { return macs_; }
  // Of each norm, by full name: its own (Norm::stats) and, as means over the last recorded evaluation
  // (StepContext::record), input_mean and input_square of the values that it got, and saturated, the share of bounded
  // ones beyond .99.
  std::map<std::string, std::map<std::string, double>> stats() const;
  // Full name of each norm → the site that it stands at.
  const std::map<std::string, std::string>& places() const { return places_; }

 private:
  // What a norm was given in the evaluation after step `step`, all batches of it together.
  struct Record {
    bool bounded = false;  // whether the norm is
    int64_t step = -1, values = 0;
    at::Tensor sums;  // [2 or 3] float64 on the device: of values, of squares, of saturated ones if it is bounded
    void add(const norms::Norm& norm, const at::Tensor& x, int64_t after_step);
    // 0 where this rank had no samples: every rank has the same names.
    void add_to(std::map<std::string, double>& stats) const;
  };
  struct Entry {
    std::string name;
    std::unique_ptr<norms::Norm> norm;
    Record record;
  };
  // Notes, rather than computes: what a forward pass sees is no part of the model.
  mutable std::vector<Entry> entries_;
  std::map<std::string, std::string> places_;
  int64_t macs_ = 0;
};

}  // namespace autonorm::models
