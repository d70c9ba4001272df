// A table of numbers learned from a CSV file: real targets by squared error, judged by RMSE in the target's unit.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "core/config/catalogue.h"
#include "core/train/teacher.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

// y = 40 + 10·a − 6·b, with little noise; or its sign as a class.
data::Dataset table_of(const TemporaryFolder& folder, config::Task task) {
  const at::Tensor x = norms::random_tensor("table", {160, 3}, at::kDouble);
  std::ofstream file(folder.path() / "table.csv");
  file << "a,b,noise,y\n";
  for (int64_t i = 0; i < x.size(0); ++i) {
    const double a = x[i][0].item<double>(), b = x[i][1].item<double>(), noise = x[i][2].item<double>();
    const double y = 10 * a - 6 * b;
    file << a << ',' << b << ',' << noise << ',';
    task == config::Task::kRegression ? file << 40 + y + 0.1 * noise << '\n' : file << (y > 0 ? 1 : 0) << '\n';
  }
  file.close();
  config::DataConfig config;
  config.source = config::DataSource::kCsv;
  config.path = (folder.path() / "table.csv").string();
  config.task = task;
  config.test_fraction = 0.25;
  return *data::load_dataset(config, {});
}

config::TrialConfig config_for(config::ModelFamily family) {
  config::TrialConfig config = small_config();
  config.model = config::default_model(family);
  config.model.dim = config.model.hidden = 16;
  config.model.depth = 1;
  config.model.heads = 2;
  config.model.input = config::ModelInput::kTable;
  config.model.dropout = config.model.attention_dropout = config.model.ffn_dropout = 0;
  config.train.epochs = 30;
  config.train.lr = 1e-2;
  return config;
}

void run_on(TestRun& run, const config::TrialConfig& config, const data::Dataset& dataset) {
  const auto gang = distributed::make_single();
  TrialInputs inputs;
  inputs.config = config;
  inputs.dataset = &dataset;
  inputs.gang = gang.get();
  inputs.sink = &run.sink;
  inputs.stop = &run.stop;
  inputs.checkpoint_parent = run.folder.path();
  run.result = run_trial(inputs);
  ASSERT_TRUE(run.result->ok()) << run.result->status().message();
}

TEST(TableTrial, RealTargetsAreLearnedAndJudgedInTheirUnit) {
  for (const auto family : {config::ModelFamily::kMlp, config::ModelFamily::kFtTransformer}) {
    SCOPED_TRACE(config::name(family));
    TestRun run;
    const data::Dataset dataset = table_of(run.folder, config::Task::kRegression);
    run_on(run, config_for(family), dataset);
    const double rmse = run->results.at("test/rmse");
    EXPECT_LT(rmse, 3.0);  // the target's deviation is about 11.7
    EXPECT_EQ(run->results.count("test/accuracy"), 0u);
    EXPECT_EQ(run->results.count("val/accuracy"), 0u);
    EXPECT_GT(run->results.at("val/rmse"), 0);
    EXPECT_EQ(run.sink.curve("val/rmse").size(), 30u);
    EXPECT_TRUE(run.sink.curve("val/accuracy").empty());

    // The same number from the trained model, without the evaluator.
    auto model = load_trained(run->final_checkpoint,
                              {.channels = 1, .height = 1, .width = dataset.width, .classes = dataset.classes});
    ASSERT_TRUE(model.ok()) << model.status().message();
    const at::NoGradGuard no_grad;
    const at::Tensor error =
        (*model)->forward(dataset.test.images, {.training = false}).squeeze(1) - dataset.test.labels;
    const double expected = std::sqrt(error.to(at::kDouble).square().mean().item<double>());
    EXPECT_NEAR(rmse, expected * dataset.real_target->deviation, 1e-5);
    EXPECT_NEAR(run->results.at("test/loss"), expected * expected, 1e-6);
  }
}

TEST(TableTrial, ClassesOfATableAreLearned) {
  for (const auto family : {config::ModelFamily::kAutonorm, config::ModelFamily::kAutonormV0}) {
    SCOPED_TRACE(config::name(family));
    TestRun run;
    config::TrialConfig config = config_for(family);
    config.model.layer_scale = 1;
    run_on(run, config, table_of(run.folder, config::Task::kClassification));
    EXPECT_GT(run->results.at("test/accuracy"), 0.9);
    EXPECT_EQ(run->results.count("test/rmse"), 0u);
  }
}

}  // namespace
}  // namespace autonorm::train
