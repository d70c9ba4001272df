// Ties the catalogue's keys to the members of TrialConfig, once, for reading, writing and hashing. A visitor is called
// as v("lr", c.lr); only keys that are in use for the chosen kind, family and gate are visited, kind first. Internal.
#pragma once
#include "core/config/norm_fields.h"
#include "core/config/trial_config.h"

namespace autonorm::config {

template <class Config, class Visitor>
void data_fields(Config& c, Visitor& v) {
  v.data_source(c.source);  // data.name, or data.kind for files of the user's own
  if (is_own(c.source)) {
    v("path", c.path);
    v("sha256", c.sha256);
  }
  v("val_fraction", c.val_fraction);
  v("train_limit", c.train_limit);
  if (c.source != DataSource::kCsv) {
    v("pixels", c.pixels);
    v("corruptions", c.corruptions);
    if (!c.corruptions.empty()) {
      v("severity", c.severity);
      v("corruption_scale", c.corruption_scale);
    }
    v("tta", c.tta);
    return;
  }
  v("task", c.task);
  v("target", c.target);
  v("test_fraction", c.test_fraction);
  if (c.task == Task::kRegression) v("standardise_target", c.standardise_target);
}

template <class Config, class Visitor>
void autonorm_fields(Config& c, Visitor& v) {
  v("input", c.input);
  if (c.input == ModelInput::kImage) v("patch", c.patch);
  v("dim", c.dim);
  v("depth", c.depth);
  if (c.family == ModelFamily::kAutonormCorrected) v("heads", c.heads);
  v("mlp_ratio", c.mlp_ratio);
  v("dropout", c.dropout);
  v("drop_path", c.drop_path);
  v("layer_scale", c.layer_scale);
}

template <class Config, class Visitor>
void mae_fields(Config& c, Visitor& v) {
  v("patch", c.patch);
  v("dim", c.dim);
  v("depth", c.depth);
  v("heads", c.heads);
  v("mlp_ratio", c.mlp_ratio);
  v("decoder_dim", c.decoder_dim);
  v("decoder_depth", c.decoder_depth);
  v("decoder_heads", c.decoder_heads);
  v("mask_ratio", c.mask_ratio);
  v("positions", c.positions);
  v("init", c.init);
  v("cls", c.cls);
  v("norm_pix", c.norm_pix);
}

template <class Config, class Visitor>
void model_fields(Config& c, Visitor& v) {
  v("family", c.family);
  switch (c.family) {
    case ModelFamily::kVit:
      v("patch", c.patch);
      v("dim", c.dim);
      v("depth", c.depth);
      v("heads", c.heads);
      v("mlp_ratio", c.mlp_ratio);
      v("pool", c.pool);
      v("qkv_bias", c.qkv_bias);
      v("drop_path", c.drop_path);
      return;
    case ModelFamily::kMlp:
      v("hidden", c.hidden);
      v("layers", c.layers);
      return;
    case ModelFamily::kAutonorm:
    case ModelFamily::kAutonormCorrected:
      autonorm_fields(c, v);
      return;
    case ModelFamily::kAutonormV0:
      v("dim", c.dim);
      v("depth", c.depth);
      v("heads", c.heads);
      v("mlp_ratio", c.mlp_ratio);
      v("dropout", c.dropout);
      return;
    case ModelFamily::kMae:
      mae_fields(c, v);
      return;
    case ModelFamily::kT2tVit:
      v("dim", c.dim);
      v("depth", c.depth);
      v("heads", c.heads);
      v("mlp_ratio", c.mlp_ratio);
      v("qkv_bias", c.qkv_bias);
      v("drop_path", c.drop_path);
      v("token_dim", c.token_dim);
      v("token_layer", c.token_layer);
      v("token_bias", c.token_bias);
      return;
    case ModelFamily::kFtTransformer:
      v("dim", c.dim);
      v("depth", c.depth);
      v("heads", c.heads);
      v("mlp_ratio", c.mlp_ratio);
      v("prenorm", c.prenorm);
      v("attention_dropout", c.attention_dropout);
      v("ffn_dropout", c.ffn_dropout);
      v("residual_dropout", c.residual_dropout);
      return;
    case ModelFamily::kResnet:
      v("depth", c.depth);
      v("width", c.width);
      v("conv_bias", c.conv_bias);
      return;
  }
}

template <class Config, class Visitor>
void train_fields(Config& c, Visitor& v) {
  v("epochs", c.epochs);
  v("batch", c.batch);
  v("accumulate", c.accumulate);
  v("optimizer", c.optimizer);
  v("lr", c.lr);
  v("layer_decay", c.layer_decay);
  v("weight_decay", c.weight_decay);
  if (c.optimizer == OptimizerKind::kSgd) {
    v("momentum", c.momentum);
    if (c.momentum > 0) v("nesterov", c.nesterov);
  } else if (c.optimizer == OptimizerKind::kLars) {
    v("momentum", c.momentum);
    v("trust", c.trust);
  } else {
    v("beta1", c.beta1);
    v("beta2", c.beta2);
    v("adam_eps", c.adam_eps);
  }
  v("ema", c.ema);
  if (c.ema > 0) v("ema_start", c.ema_start);
  v("warmup", c.warmup);
  v("schedule", c.schedule);
  if (c.schedule != Schedule::kConstant) {
    v("horizon", c.horizon);
    v("min_lr", c.min_lr);
  }
  v("augment", c.augment);
  if (c.augment == Augment::kCropFlip) v("crop_min", c.crop_min);
  v("policy", c.policy);
  if (c.policy == Policy::kRandAugment) {
    v("rand_layers", c.rand_layers);
    v("rand_magnitude", c.rand_magnitude);
    v("rand_deviation", c.rand_deviation);
    v("rand_increasing", c.rand_increasing);
  }
  v("erase", c.erase);
  v("mixup", c.mixup);
  v("cutmix", c.cutmix);
  if (mixes(c)) v("mix_prob", c.mix_prob);
  if (c.mixup > 0 && c.cutmix > 0) v("mix_switch", c.mix_switch);
  v("feature_decay", c.feature_decay);
  if (c.feature_decay > 0) v("feature_limit", c.feature_limit);
  v("attention_peak", c.attention_peak);
  v("shuffle", c.shuffle);
  v("decay_all", c.decay_all);
  v("clip", c.clip);
  v("label_smoothing", c.label_smoothing);
  v("precision", c.precision);
  v("eval_every", c.eval_every);
  v("patience", c.patience);
  v("log_every", c.log_every);
  v("checkpoint_every", c.checkpoint_every);
}

template <class Config, class Visitor>
void distill_fields(Config& c, Visitor& v) {
  v("from", c.from);
  v("temperature", c.temperature);
  v("alpha", c.alpha);
  v("hard", c.hard);
}

template <class Config, class Visitor>
void start_fields(Config& c, Visitor& v) {
  v("from", c.from);
  v("keep_counters", c.keep_counters);
  v("head_only", c.head_only);
}

template <class Config, class Visitor>
void run_fields(Config& c, Visitor& v) {
  v("priority", c.priority);
  v("timeout_s", c.timeout_s);
  v("stall_timeout_s", c.stall_timeout_s);
  v("max_attempts", c.max_attempts);
}

}  // namespace autonorm::config
