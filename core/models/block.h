// A transformer block:  x = post_attn(x + drop(attn(pre_attn(x))));  x = post_ffn(x + drop(fc2(gelu(fc1(pre_ffn(x))))))
// with exact GELU, drop = DropPath. Shapes  x, y: [B, T, D]
#pragma once
#include <string>

#include "core/models/attention.h"
#include "core/models/drop.h"

namespace autonorm::models {

struct BlockOptions {
  AttentionOptions attention;
  int64_t hidden = 128;  // of the MLP
  LinearInit ffn_init = LinearInit::kTruncatedNormal;
  double drop_path = 0;
  // What training adds to the loss (penalties.h); feature_decay 0: nothing.
  double feature_decay = 0, feature_limit = 200;
  std::string every_site = "";  // this site for both norms of the block ("decoder"); empty: the four of its own
};

class Block {
 public:
  // Registers norms, attention and "mlp.fc1.…", "mlp.fc2.…" under the table's current scope.
  Block(const BlockOptions& options, const config::TrialConfig& config, NormSites& norms, norms::ParameterTable& table);
  at::Tensor operator()(at::Tensor x, const NormSites& norms, const norms::StepContext& step) const;

  // `scope`: where it was registered, "blocks.0".
  void add_fold_sites(const std::string& scope, const NormSites& norms, std::vector<FoldSite>& sites) const;

 private:
  struct Sites {
    NormSite pre_attn, post_attn, pre_ffn, post_ffn;
  };
  static Sites make_sites(const BlockOptions& options, const config::TrialConfig& config, NormSites& norms,
                          norms::ParameterTable& table);

  // x after a residual addition, [B, T, D]
  void penalize(const at::Tensor& x, const norms::StepContext& step) const;

  const double feature_decay_, feature_limit_;
  Sites sites_;
  Attention attention_;
  Linear fc1_, fc2_;
  DropPath drop_attn_, drop_ffn_;
};

// Hidden units of the MLP: dim · ratio, rounded.
int64_t mlp_hidden(int64_t dim, double ratio);

}  // namespace autonorm::models
