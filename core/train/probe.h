// The door for outside checks: evaluates parts of the catalogue on given tensors (`trainer probe SPEC.json
// IN.safetensors OUT.safetensors`). SPEC is one JSON object:
//
//   {"op": "norm", "config": {"kind": "dyt", "alpha0": 0.5, "channels": 64}, "mode": "train" | "eval",
//    "dtype": "float32" | "float64" | "bfloat16", "steps": 3, "seed": 0}
//       IN   x [B, N, C], [B, C] or [B, C, H, W] for every step, or x.0, x.1, …; dy or dy.0, … likewise; optional
//            param.NAME, state.NAME, mask [B, N] bool (true = valid; not for norms that mix the tokens of a sample)
//       OUT  y.K, dx.K, grad.NAME.K, state.NAME.K of each step K = 0 …; param.NAME and state.NAME at the end
//       Parameters are float64 for float64 input, else float32. "channels_last": true in config: a four-dimensional x
//       is [B, H, W, C]. "steps_per_epoch": K tells rules that count epochs where one ends (op model, too; 0: never).
//   {"op": "model", "config": {a trial's model block; optionally norm, norm_sites, replace_norm, classes},
//    "mode": …, "dtype": …, "loss": "cross_entropy" | "mse" | "mae", "label_smoothing": 0, "seed": 0}
//       IN   x [B, channels, height, width] scaled as in training, or [B, features] of a table; y [B] int64, or
//            [B, classes] for mse and mae (with one class also [B]); optional param.NAME
//       OUT  logits, loss (mean over the batch; over all elements for mse and mae; in training with what the gates'
//            entropy_weight and the penalties of "train" add), grad.NAME, param.NAME, macs
//       "steps": K and "train": {a trial's train block} repeat it on the same batch with an update (constant lr, clip
//       as configured) after each: OUT logits.K, loss.K for each step K, grad.NAME of the last, param.NAME
//       after it. Family mae has "loss": "reconstruction", its default, no use for a y, and OUT
//       logits [B, N, P], hidden [B, N] (1 where hidden), close.
//   {"op": "optimizer", "config": {a trial's train block}, "steps": K, "lr": …}
//       IN   param.NAME, grad.NAME.K;  OUT  param.NAME, exp_avg.NAME and exp_avg_sq.NAME (sgd, lars:
//            momentum.NAME), with ema also ema.NAME.  lr constant; clip as configured
//   {"op": "schedule", "config": {a trial's train block}, "total_steps": N}     OUT  lr [N] float64
//   {"op": "loss", "loss": "cross_entropy" | "distillation" | "hard_distillation",
//    "label_smoothing": 0, "temperature": 1}
//       IN   logits [B, K] and labels [B] int64 or teacher [B, K];  OUT  loss [B], grad.logits of its sum
//   {"op": "augment", "config": {a trial's train block: augment, policy, erase, mixup, cutmix, …}, "seed": 0,
//    "step": 0, "micro_batch": 0}
//       IN   x [B, channels, height, width] scaled as in training (signed);  OUT  x [B, …], partner [B] int64: with
//       whom each image is mixed, share [] float64: of its own label (1: not mixed); with a policy, for images of 1
//       or 3 channels, policy [B, layers, 2] float64: an operation's number (0 auto contrast, 1 equalize, 2 invert,
//       3 rotate, 4 posterize, 5 solarize, 6 solarize add, 7 color, 8 contrast, 9 brightness, 10 sharpness, 11 and 12
//       shear in x and y, 13 and 14 translate) and its argument (core/data/image_ops.h), -1 where nothing is applied
//   {"op": "corruption", "kind": "gaussian_noise", "scale": "cifar" | "mnist", "severity": 3, "first_sample": 0}
//       IN   x [B, channels, height, width] uint8;  OUT  x [B, …] float32 in [0, 1]: as a test set that begins there
#pragma once
#include <filesystem>
#include <string>

#include "core/base/status.h"

namespace autonorm::train {

// Reads SPEC and IN, writes OUT. kInvalid names the unknown key, word or tensor and what is allowed.
Status run_probe(const std::filesystem::path& spec, const std::filesystem::path& in, const std::filesystem::path& out);

// One line per parameter and state tensor: "param.NAME [64, 128] trainable" (or "frozen"); for op norm and, with
// "input": {"channels", "height", "width", "classes"}, op model.
Result<std::string> probe_names(const std::filesystem::path& spec);

}  // namespace autonorm::train
