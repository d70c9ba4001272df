// `trainer run` as a person uses it.
#include <fstream>

#include "gmock/gmock.h"
#include "tests/unit/trainer/trainer_program.h"
#include "tests/unit/trainer/trial_folder.h"

namespace autonorm::trainer {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

json result_of(const ProgramResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return json::parse(result.out, nullptr, false);
}

TEST(TrainerRun, TrainsAndPrintsOneLineOfJson) {
  const TrialFolder folder;
  const auto run = run_trainer({"run", folder.write_config(folder.config()), "--output", "out"}, folder.path());
  const json result = result_of(run);
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1);
  EXPECT_EQ(result["outcome"], "completed");
  EXPECT_EQ(result["step"], 14);  // 207 training samples in batches of 32, the last one smaller, twice
  EXPECT_GT(result["results"]["test/accuracy"], 0.3);
  EXPECT_EQ(result["facts"]["weights_sha256"].get<std::string>().size(), 64u);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "out/checkpoints/step-14/manifest.json"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "out/trial.json"));
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("step 2/14"), HasSubstr("loss"), HasSubstr("samples/s"), HasSubstr("test/accuracy")));
}

TEST(TrainerRun, RepeatedAndResolvedItGivesTheSameWeights) {
  const TrialFolder folder;
  const auto first =
      result_of(run_trainer({"run", folder.write_config(folder.config()), "--output", "a"}, folder.path()));
  const auto again = result_of(run_trainer({"run", "a/trial.json", "--output", "b", "--quiet"}, folder.path()));
  EXPECT_EQ(first["facts"]["weights_sha256"], again["facts"]["weights_sha256"]);
  EXPECT_EQ(first["trial"], again["trial"]);
  EXPECT_EQ(first["initial"], again["initial"]);
}

TEST(TrainerRun, ResumedItEndsWithTheSameWeights) {
  const TrialFolder folder;
  json config = folder.config();
  config["train"]["checkpoint_every"] = 4;
  const auto file = folder.write_config(config);
  const auto whole = result_of(run_trainer({"run", file, "--output", "out"}, folder.path()));
  std::filesystem::remove_all(folder.path() / "out/checkpoints/step-14");
  const auto resumed = run_trainer({"run", file, "--output", "out", "--resume"}, folder.path());
  EXPECT_THAT(resumed.err, HasSubstr("resuming from out/checkpoints/step-12"));
  EXPECT_EQ(result_of(resumed)["facts"]["weights_sha256"], whole["facts"]["weights_sha256"]);
}

TEST(TrainerRun, WrongConfigurationsAreExplained) {
  const TrialFolder folder;
  json config = folder.config();
  config["train"]["epohcs"] = 3;
  const auto unknown = run_trainer({"run", folder.write_config(config)}, folder.path());
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("trial.json"), HasSubstr("epohcs"), HasSubstr("epochs")));

  const auto missing = run_trainer({"run", "nothing.json"}, folder.path());
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("nothing.json"));

  std::ofstream(folder.path() / "broken.json") << "{\"seed\": ";
  EXPECT_THAT(run_trainer({"run", "broken.json"}, folder.path()).err, HasSubstr("broken.json: no valid JSON"));

  config = folder.config();
  config["ranks"] = 2;
  EXPECT_THAT(run_trainer({"run", folder.write_config(config)}, folder.path()).err,
              AllOf(HasSubstr("ranks = 2"), HasSubstr("coordinator run")));
}

TEST(TrainerRun, MissingAndDamagedDataHaveTheirOwnExitCodes) {
  const TrialFolder folder;
  json config = folder.config();
  config["data"]["path"] = "/nonexistent/set";
  const auto missing = run_trainer({"run", folder.write_config(config)}, folder.path());
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, AllOf(HasSubstr("data_missing"), HasSubstr("/nonexistent/set"), HasSubstr("AUTONORM_DATA")));

  std::filesystem::resize_file(folder.path() / "set/train-images-idx3-ubyte", 100);
  const auto damaged = run_trainer({"run", folder.write_config(folder.config())}, folder.path());
  EXPECT_EQ(damaged.exit_code, 4);
  EXPECT_THAT(damaged.err,
              AllOf(HasSubstr("data_corrupt"), HasSubstr("train-images-idx3-ubyte: byte 100"), HasSubstr("truncated")));
}

TEST(TrainerRun, AGpuThatIsNotThereIsExplained) {
  const TrialFolder folder;
  const auto run = run_trainer({"run", folder.write_config(folder.config()), "--device", "cuda:63"}, folder.path());
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, testing::AnyOf(HasSubstr("CUDA part"), HasSubstr("device 'cuda:63': this machine has")));
  EXPECT_EQ(run_trainer({"run", "trial.json", "--device", "tpu"}, folder.path()).exit_code, 2);
}

TEST(TrainerRun, AnOutputFolderThatCannotBeMadeIsNamed) {
  const TrialFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  const auto run = run_trainer({"run", folder.write_config(folder.config()), "--output", "file/out"}, folder.path());
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("file/out"));
}

TEST(TrainerProgram, AnswersHelpVersionAndWrongVerbs) {
  const TrialFolder folder;
  EXPECT_THAT(run_trainer({"--help"}, folder.path()).out, HasSubstr("trainer run FILE"));
  EXPECT_THAT(run_trainer({"--version"}, folder.path()).out, HasSubstr("torch"));
  const auto wrong = run_trainer({"serv"}, folder.path());
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean serve?"));
}

TEST(TrainerProgram, ProbeListsNames) {
  const TrialFolder folder;
  std::ofstream(folder.path() / "spec.json") << R"({"op":"norm","config":{"kind":"layer","channels":8}})";
  const auto names = run_trainer({"probe", "--names", "spec.json"}, folder.path());
  EXPECT_EQ(names.exit_code, 0) << names.err;
  EXPECT_THAT(names.out, HasSubstr("param.weight [8]"));
  const auto wrong = run_trainer({"probe", "--names", "absent.json"}, folder.path());
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("absent.json"));
}

}  // namespace
}  // namespace autonorm::trainer
