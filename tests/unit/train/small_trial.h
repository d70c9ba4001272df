// A trial that trains in milliseconds: synthetic 4 × 4 images of three classes, a ViT of 16 channels, and a sink that
// remembers.
#pragma once
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/sha256.h"
#include "core/train/run_trial.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::train {

// Class k is a pattern of its own under noise.
inline data::Split synthetic_split(const std::string& name, int64_t samples) {
  const at::Tensor patterns = norms::random_tensor("patterns", {3, 1, 4, 4}, at::kDouble);
  const RandomStream stream(norms::kTestSeed, "test", name + "/labels");
  data::Split split;
  split.labels = at::empty({samples}, at::TensorOptions(at::kLong));
  for (int64_t i = 0; i < samples; ++i) {
    split.labels.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(3.0 * stream.uniform(static_cast<uint64_t>(i)));
  }
  const at::Tensor noise = norms::random_tensor(name, {samples, 1, 4, 4}, at::kDouble).mul(0.6);
  split.images = patterns.index_select(0, split.labels).add(noise).mul(60.0).add(128.0).clamp(0.0, 255.0).to(at::kByte);
  return split;
}

inline data::Dataset synthetic_dataset() {
  data::Dataset dataset;
  dataset.name = "synthetic";
  dataset.classes = 3;
  dataset.channels = 1;
  dataset.height = dataset.width = 4;
  dataset.train = synthetic_split("train", 61);  // 8 steps of batch 8: the last one has 5 samples
  dataset.val = synthetic_split("val", 23);
  dataset.test = synthetic_split("test", 31);
  dataset.fingerprint = sha256("synthetic");
  return dataset;
}

inline config::TrialConfig small_config() {
  config::TrialConfig config;
  config.model = {.patch = 2, .dim = 16, .depth = 1, .heads = 2};
  config.train.epochs = 3;
  config.train.batch = 8;
  config.train.lr = 3e-3;
  config.train.log_every = 4;
  config.train.checkpoint_every = 1000;
  return config;
}

// Each kind whose statistics or state reach beyond a sample, at the sites of small_config()'s model.
inline std::vector<std::pair<std::string, config::NormConfig>> stateful_norms() {
  std::vector<std::pair<std::string, config::NormConfig>> all;
  for (const auto kind : {config::NormKind::kBatch, config::NormKind::kAdyt, config::NormKind::kUnified,
                          config::NormKind::kPowerNorm, config::NormKind::kPrepbn, config::NormKind::kSwitchable}) {
    config::NormConfig norm = config::default_norm(kind);
    norm.warmup_iters = 6;  // 24 steps pass through every regime
    norm.decay_iters = 20;
    all.emplace_back(cat("kind ", static_cast<int>(kind)), norm);
  }
  for (const auto kind : {config::NormKind::kMinmax, config::NormKind::kZscore, config::NormKind::kFeatureMix}) {
    config::NormConfig norm = config::default_norm(kind);
    norm.axis = config::FeatureAxis::kBatch;
    all.emplace_back(cat("features of kind ", static_cast<int>(kind)), norm);
  }
  config::NormConfig selector = config::default_norm(config::NormKind::kSelector);
  selector.branches = {config::default_norm(config::NormKind::kDyt), config::default_norm(config::NormKind::kBatch)};
  selector.freeze_epoch = 2;
  all.emplace_back("gate frozen in the third epoch", selector);
  selector.gate = config::Gate::kStatic;
  selector.freeze_epoch = 0;
  selector.freeze_entropy = 0.69;
  selector.entropy_weight = 3;
  all.emplace_back("gate frozen by its entropy", selector);
  return all;
}

class RecordingSink final : public ProgressSink {
 public:
  void phase(const std::string& phase) override { phases.push_back(phase); }
  void progress(int64_t step, int64_t, double, double) override {
    if (on_progress) on_progress(step);
  }
  void metrics(const std::vector<MetricPoint>& more) override { points.insert(points.end(), more.begin(), more.end()); }
  void norm_stats(int64_t step, const std::map<std::string, std::map<std::string, double>>& by_site) override {
    stats[step] = by_site;
  }
  void checkpoint(int64_t step, const std::filesystem::path& folder) override { checkpoints[step] = folder; }

  // (step, value) of one metric, in order; after `after`.
  std::vector<std::pair<int64_t, double>> curve(const std::string& metric, int64_t after = 0) const {
    std::vector<std::pair<int64_t, double>> values;
    for (const MetricPoint& point : points) {
      if (point.metric == metric && point.step > after) values.emplace_back(point.step, point.value);
    }
    return values;
  }

  std::vector<std::string> phases;
  std::vector<MetricPoint> points;
  std::map<int64_t, std::map<std::string, std::map<std::string, double>>> stats;
  std::map<int64_t, std::filesystem::path> checkpoints;
  std::function<void(int64_t)> on_progress;
};

// A folder of its own for each test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() / cat("autonorm_", test->test_suite_name(), "_", test->name(), "_",
                                                         static_cast<const void*>(this), "_", ::getpid());
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// One run with everything a test may look at.
struct TestRun {
  TemporaryFolder folder;
  RecordingSink sink;
  std::atomic<StopRequest> stop{StopRequest::kNone};
  std::optional<Result<TrialResult>> result;

  const TrialResult& operator*() const { return result->value(); }
  const TrialResult* operator->() const { return &result->value(); }
};

struct RunOptions {
  std::optional<std::filesystem::path> resume;
  std::map<std::string, std::filesystem::path> inputs;
};

inline void run_into(TestRun& run, const config::TrialConfig& config, distributed::Gang& gang,
                     const RunOptions& options = {}) {
  const data::Dataset dataset = synthetic_dataset();
  TrialInputs inputs;
  inputs.config = config;
  inputs.dataset = &dataset;
  inputs.gang = &gang;
  inputs.sink = &run.sink;
  inputs.stop = &run.stop;
  inputs.checkpoint_parent = run.folder.path();
  inputs.resume = options.resume;
  inputs.inputs = options.inputs;
  run.result = run_trial(inputs);
}

inline void run_alone(TestRun& run, const config::TrialConfig& config, const RunOptions& options = {}) {
  const auto gang = distributed::make_single();
  run_into(run, config, *gang, options);
}

}  // namespace autonorm::train
