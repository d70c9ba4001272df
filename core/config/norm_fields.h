// The norm's part of trial_fields.h: its keys and the members of NormConfig. Internal.
#pragma once
#include "core/config/trial_config.h"

namespace autonorm::config {

template <class Config, class Visitor>
void selector_fields(Config& c, Visitor& v) {
  v.branches("branches", c.branches);
  v("gate", c.gate);
  v("gate_eval", c.gate_eval);
  if (c.gate == Gate::kGumbel) {
    v("tau", c.tau);
    v("hard", c.hard);
    v("anneal", c.anneal);
    if (c.anneal != Anneal::kNone) v("tau_end", c.tau_end);
  }
  if (c.gate == Gate::kFixed) v("weights", c.weights);
  if (reads_input(c.gate)) v("gate_input", c.gate_input);
  if (c.gate != Gate::kFixed) v("granularity", c.granularity);
  if (learns(c.gate)) {
    v("entropy_weight", c.entropy_weight);
    v("freeze_epoch", c.freeze_epoch);
    v("freeze_entropy", c.freeze_entropy);
  }
  v("gate_hidden", c.gate_hidden);
  v("freeze", c.freeze);
}

template <class Config, class Visitor>
void feature_fields(Config& c, Visitor& v) {
  v("eps", c.eps);
  v("affine", c.affine);
  v("axis", c.axis);
  v("detach_stats", c.detach_stats);
  if (c.axis != FeatureAxis::kBatch) return;
  v("momentum", c.momentum);
  v("statistics", c.statistics);
}

template <class Config, class Visitor>
void norm_fields(Config& c, Visitor& v) {
  v("kind", c.kind);
  switch (c.kind) {
    case NormKind::kLayer:
    case NormKind::kRms:
      v("eps", c.eps);
      v("affine", c.affine);
      return;
    case NormKind::kDyt:
      v("alpha0", c.alpha0);
      v("affine", c.affine);
      if (c.affine) v("bias", c.bias);
      return;
    case NormKind::kDerf:
      v("alpha0", c.alpha0);
      v("function", c.function);
      v("shift", c.shift);
      v("affine", c.affine);
      return;
    case NormKind::kIsru:
      v("beta0", c.beta0);
      v("affine", c.affine);
      return;
    case NormKind::kGroup:
      v("eps", c.eps);
      v("affine", c.affine);
      v("groups", c.groups);
      return;
    case NormKind::kInstance:
      v("eps", c.eps);
      v("affine", c.affine);
      v("unbiased", c.unbiased);
      return;
    case NormKind::kScaleNorm:
      v("eps", c.eps);
      v("affine", c.affine);
      if (c.affine) v("per_channel", c.per_channel);
      return;
    case NormKind::kLearnableScaler:
      v("init", c.init);
      return;
    case NormKind::kBhyt:
      v("eps", c.eps);
      v("lambda", c.lambda);
      v("kappa", c.kappa);
      v("learn_lambda", c.learn_lambda);
      v("affine", c.affine);
      return;
    case NormKind::kAdyt:
      v("eps", c.eps);
      v("alpha0", c.alpha0);
      v("lambda", c.lambda);
      v("beta_g", c.beta_g);
      v("alpha_min", c.alpha_min);
      v("alpha_max", c.alpha_max);
      v("affine", c.affine);
      return;
    case NormKind::kBatch:
      v("eps", c.eps);
      v("affine", c.affine);
      v("momentum", c.momentum);
      v("statistics", c.statistics);
      return;
    case NormKind::kMinmax:
    case NormKind::kZscore:
    case NormKind::kFeatureMix:
      feature_fields(c, v);
      return;
    case NormKind::kUnified:
      v("eps", c.eps);
      v("statistics", c.statistics);
      v("window", c.window);
      v("window_backward", c.window_backward);
      v("warmup_iters", c.warmup_iters);
      v("decay", c.decay);
      v("filtration", c.filtration);
      return;
    case NormKind::kPowerNorm:
      v("eps", c.eps);
      v("statistics", c.statistics);
      v("scale_groups", c.scale_groups);
      v("warmup_iters", c.warmup_iters);
      v("alpha_forward", c.alpha_forward);
      v("alpha_backward", c.alpha_backward);
      return;
    case NormKind::kPrepbn:
      v("eps", c.eps);
      v("momentum", c.momentum);
      v("statistics", c.statistics);
      v("warmup_iters", c.warmup_iters);
      v("decay_iters", c.decay_iters);
      v("lambda_start", c.lambda_start);
      v("first", c.first);
      v("eta0", c.eta0);
      v("batch_weight0", c.batch_weight0);
      v("count_every", c.count_every);
      return;
    case NormKind::kSwitchable:
      v("eps", c.eps);
      v("affine", c.affine);
      v("form", c.form);
      v("decay", c.decay);
      v("statistics", c.statistics);
      return;
    case NormKind::kDtn:
      v("eps", c.eps);
      v("heads", c.heads);
      v("grid", c.grid);
      v("only_var", c.only_var);
      return;
    case NormKind::kSelector:
      selector_fields(c, v);
      return;
    case NormKind::kScale:
      v("scalar", c.scalar);
      v("scale0", c.scale0);
      return;
    case NormKind::kNone:
      return;
  }
}

}  // namespace autonorm::config
