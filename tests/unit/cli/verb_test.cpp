// Verbs as people run them: arguments in; output, error text and exit code out.
#include "coordinator/cli/verbs.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "coordinator/cli/exit_codes.h"
#include "core/base/durable_file.h"
#include "core/base/text.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::cli {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome run(std::vector<std::string> arguments, const Defaults& defaults = {"127.0.0.1:9", "/nonexistent/runs"}) {
  static int keys = 0;
  const SystemClock clock;
  std::ostringstream out, err;
  Environment environment{.out = out,
                          .err = err,
                          .clock = clock,
                          .random_key = [] { return cat("key ", ++keys); },
                          .program_folder = "/nonexistent",
                          .search_path = "",
                          .defaults = defaults};
  const int code = run_command(arguments, environment);
  return {code, out.str(), err.str()};
}

std::string write_small_sweep(const TemporaryFolder& folder, int seeds = 2, int ranks = 1) {
  const auto path = folder.path() / "small.toml";
  EXPECT_TRUE(write_file_durably(path, small_sweep(seeds, "small", ranks).files.at("small.toml")).ok());
  return path;
}

TEST(Verb, AFreshSubmissionSaysThatResultsAreReplaced) {
  RunningServer server;
  const TemporaryFolder folder;
  const Defaults here{server.address(), "/nonexistent/runs"};
  const auto path = write_small_sweep(folder);
  EXPECT_EQ(run({"submit", path}, here).code, kOk);
  EXPECT_EQ(run({"cancel", "1"}, here).code, kOk);
  const auto again = run({"submit", path, "--fresh"}, here);
  EXPECT_NE(
      again.out.find("sweep 2 submitted: 4 trials, 0 new, 0 cached, 4 trained again (--fresh): their results, "
                     "if any, are replaced in the reports of earlier sweeps too, which are POST HOC from then on\n"),
      std::string::npos)
      << again.out;
  EXPECT_EQ(again.out.find("failed or cancelled"), std::string::npos) << again.out;
}

TEST(Verb, WithoutAServerEveryVerbNamesTheAddressAndTheCommand) {
  for (const std::string verb : {"list", "status", "watch", "workers"}) {
    const auto outcome = run({verb});
    EXPECT_EQ(outcome.code, kCannotConnect) << verb;
    EXPECT_EQ(outcome.err,
              "no coordinator answers at 127.0.0.1:9\nstart one:     coordinator serve --listen 127.0.0.1:9\n"
              "or name one:   --coordinator ADDR, or the environment variable AUTONORM_COORDINATOR\n");
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_EQ(run({"explain", "x"}).code, kCannotConnect);
  EXPECT_EQ(run({"cancel", "x"}).code, kCannotConnect);
}

TEST(Verb, AnAddressIsAHostAndAPort) {
  for (const char* address : {"nohost", ":1", "host:", "host:port", "host:70000", "host:0", "::1:5"}) {
    const auto outcome = run({"list", "--coordinator", address});
    EXPECT_EQ(outcome.code, kUsage) << address;
    EXPECT_EQ(outcome.err, cat("'", address, "' is not the address of a coordinator; it has the form HOST:PORT, e.g. ",
                               "127.0.0.1:50551; name it with --coordinator, or in AUTONORM_COORDINATOR\n"));
  }
  EXPECT_EQ(run({"list", "--coordinator", "[::1]:9"}).code, kCannotConnect);
  EXPECT_EQ(run({"list"}, {"nohost", "x"}).code, kUsage);
}

TEST(Verb, ReportWithoutAServerSaysHowToReadAStateDirectory) {
  const auto outcome = run({"report"});
  EXPECT_EQ(outcome.code, kCannotConnect);
  EXPECT_NE(outcome.err.find("coordinator report --state DIR"), std::string::npos) << outcome.err;
  const auto missing = run({"report", "--db", "/nonexistent/x.db"});
  EXPECT_EQ(missing.code, kUsage);
  EXPECT_NE(missing.err.find("/nonexistent/x.db"), std::string::npos);
}

TEST(Verb, ReportReadsADirectoryWithoutAServer) {
  RunningServer server;
  ASSERT_TRUE(server.client()->submit(small_sweep(2), false, "a").ok());
  server.stop();
  const auto by_flag = run({"report", "small", "--state", server.state().string(), "--format", "csv"});
  EXPECT_EQ(by_flag.code, kOk) << by_flag.err;
  EXPECT_NE(by_flag.out.find("RMSNorm"), std::string::npos);
  const auto by_default = run({"report"}, {"127.0.0.1:9", server.state().string()});
  EXPECT_EQ(by_default.code, kOk) << by_default.err;
  EXPECT_EQ(by_default.err,
            cat("no coordinator answers at 127.0.0.1:9; reading ", (server.state() / "autonorm.db").string(), "\n"));
  const auto by_file = run({"report", "--db", (server.state() / "autonorm.db").string()});
  EXPECT_EQ(by_file.code, kOk) << by_file.err;
}

TEST(Verb, ReportNamesWhatWasTrainedOnceForAllSeeds) {
  RunningServer server;
  config::SweepSource source = small_sweep(2);
  source.files.at("small.toml") +=
      "[[variant]]\nname = \"student\"\ntrain = { distill = { from = \"teacher\" } }\n"
      "[stage.teacher]\nseed = \"shared\"\n";
  ASSERT_TRUE(server.client()->submit(source, false, "a").ok());
  const auto outcome = run({"report", "--coordinator", server.address()});
  EXPECT_EQ(outcome.code, kOk) << outcome.err;
  EXPECT_NE(outcome.out.find("stage teacher is trained once for all seeds (seed = \"shared\"): differences hold for "
                             "that run only\n"),
            std::string::npos)
      << outcome.out;
}

TEST(Verb, ExportAsksTheServerAndReadsADirectoryAlike) {
  RunningServer server;
  ASSERT_TRUE(server.client()->submit(small_sweep(2), false, "a").ok());
  const TemporaryFolder folder;
  const std::string live = (folder.path() / "live").string(), still = (folder.path() / "still").string();
  const auto asked = run({"export", "small", "--format", "jsonl", "--out", live, "--coordinator", server.address()});
  EXPECT_EQ(asked.code, kOk) << asked.err;
  EXPECT_EQ(asked.out, cat("1 file in ", live, "\n"));
  const auto wrong = run({"export", "small", "--variant", "RMSnorm", "--coordinator", server.address()});
  EXPECT_EQ(wrong.code, kUsage);
  EXPECT_NE(wrong.err.find("did you mean 'RMSNorm'?"), std::string::npos) << wrong.err;
  server.stop();
  EXPECT_EQ(run({"export", "--format", "jsonl", "--out", still, "--state", server.state().string()}).code, kOk);
  const auto lines = read_file(fs::path(live) / "trials.jsonl");
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(*lines, *read_file(fs::path(still) / "trials.jsonl"));
  std::istringstream text(*lines);
  int rows = 0;
  for (std::string line; std::getline(text, line); ++rows) {
    EXPECT_EQ(nlohmann::json::parse(line)["state"], "queued");
  }
  EXPECT_GT(rows, 0);
}

TEST(Verb, PlotSaysWhatIsMissing) {
  RunningServer server;
  ASSERT_TRUE(server.client()->submit(small_sweep(2), false, "a").ok());
  const auto unknown = run({"plot", "--kind", "forrest", "--coordinator", server.address()});
  EXPECT_EQ(unknown.code, kUsage);
  EXPECT_NE(unknown.err.find("did you mean 'forest'?"), std::string::npos) << unknown.err;
  const auto nothing = run({"plot", "--coordinator", server.address()});
  EXPECT_EQ(nothing.code, kUsage);
  EXPECT_NE(nothing.err.find("has nothing to draw yet for: forest, curves"), std::string::npos) << nothing.err;
  const auto page = run({"report", "--format", "html", "--coordinator", server.address()});
  EXPECT_EQ(page.code, kOk);
  EXPECT_EQ(page.err.find("no pictures in this report: sweep 1 has nothing to draw yet"), 0u) << page.err;
}

TEST(Verb, CompareReadsTheSecondSweepFromAnotherDatabase) {
  RunningServer here, there;
  ASSERT_TRUE(here.client()->submit(small_sweep(2), false, "a").ok());
  ASSERT_TRUE(there.client()->submit(small_sweep(3), false, "a").ok());
  there.stop();
  const auto compared =
      run({"compare", "small", "small", "--other-db", there.state().string(), "--coordinator", here.address()});
  EXPECT_EQ(compared.code, kOk) << compared.err;
  EXPECT_NE(compared.out.find("hold the same trials (equal content hash), 0 differ"), std::string::npos)
      << compared.out;
  const auto missing =
      run({"compare", "1", "7", "--other-db", there.state().string(), "--coordinator", here.address()});
  EXPECT_EQ(missing.code, kUsage);
  EXPECT_EQ(missing.err.find(there.state().string()), 0u) << missing.err;
}

TEST(Verb, VerifyNeedsAFinishedTrial) {
  RunningServer server;
  ASSERT_TRUE(server.client()->submit(small_sweep(2), false, "a").ok());
  const auto outcome = run({"verify", "--coordinator", server.address()});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_EQ(outcome.err, "sweep 1 has no finished trial to verify; `coordinator status 1` says how far it is\n");
}

TEST(Verb, PlanWorksWithoutAServer) {
  const TemporaryFolder folder;
  const auto outcome = run({"plan", write_small_sweep(folder)});
  EXPECT_EQ(outcome.code, kOk) << outcome.err;
  EXPECT_NE(outcome.out.find("trials  4 distinct trials"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("(no coordinator answers at 127.0.0.1:9)"), std::string::npos);
}

TEST(Verb, AMissingFileIsNamed) {
  for (const std::string verb : {"plan", "submit", "run"}) {
    const auto outcome = run({verb, "/nonexistent/x.toml"});
    EXPECT_EQ(outcome.code, kUsage) << verb;
    EXPECT_NE(outcome.err.find("/nonexistent/x.toml"), std::string::npos) << outcome.err;
  }
}

TEST(Verb, AWrongSweepFileShowsEveryErrorWithItsPlace) {
  const TemporaryFolder folder;
  auto text = small_sweep().files.at("small.toml");
  text.replace(text.find("epochs"), 6, "epoch");
  text.replace(text.find("patch"), 5, "petch");
  const auto path = folder.path() / "wrong.toml";
  ASSERT_TRUE(write_file_durably(path, text).ok());
  const auto outcome = run({"plan", path.string()});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_NE(outcome.err.find("wrong.toml:11:"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("wrong.toml:10:"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("did you mean 'epochs'"), std::string::npos) << outcome.err;
}

TEST(Verb, SubmitListStatusAndCancelTellOneStory) {
  RunningServer server;
  const TemporaryFolder folder;
  const Defaults here{server.address(), "/nonexistent/runs"};
  const auto path = write_small_sweep(folder);
  const auto submitted = run({"submit", path}, here);
  EXPECT_EQ(submitted.code, kOk) << submitted.err;
  EXPECT_NE(submitted.out.find("sweep 1 submitted: 4 trials, 4 new, 0 cached\n"), std::string::npos) << submitted.out;
  EXPECT_NE(submitted.out.find("cells   4 = 2 variants × 1 column × 2 seeds"), std::string::npos);
  EXPECT_NE(run({"submit", path}, here).out.find("sweep 1 was submitted before"), std::string::npos);

  const auto listed = nlohmann::json::parse(run({"list", "--output", "json"}, here).out);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].at("queued"), 4);
  const auto status = nlohmann::json::parse(run({"status", "--output", "json"}, here).out);
  EXPECT_EQ(status.at("trials").size(), 4u);
  EXPECT_NE(run({"status", "small"}, here).out.find("4 queued"), std::string::npos);
  const auto some = run({"status", "--trials", "queued", "--variant", "RMSNorm", "--output", "json"}, here);
  EXPECT_EQ(nlohmann::json::parse(some.out).at("trials").size(), 2u) << some.err;
  EXPECT_EQ(run({"status", "--trials", "failed"}, here).out.find("RMSNorm"), std::string::npos);
  const auto explained = nlohmann::json::parse(run({"explain", "RMSNorm", "--output", "json"}, here).out);
  EXPECT_EQ(explained.at("trials").at(1).at("state"), "queued");
  EXPECT_EQ(nlohmann::json::parse(run({"failures", "--output", "json"}, here).out).at("failed"), 0);
  EXPECT_NE(run({"explain", "RMSNorm"}, here).out.find("no worker is connected"), std::string::npos);
  EXPECT_EQ(run({"workers", "--output", "json"}, here).out, "[]\n");

  EXPECT_EQ(run({"resume", "1"}, here).out, "sweep 1 is running already\n");
  EXPECT_EQ(run({"pause", "1"}, here).out.substr(0, 14), "sweep 1 paused");
  EXPECT_EQ(run({"pause", "1"}, here).out, "sweep 1 is paused already\n");
  const auto waiting = run({"submit", path}, here);
  EXPECT_NE(waiting.out.find("\nsweep 1 is paused; go on with it: coordinator resume 1\n"), std::string::npos)
      << waiting.out;
  EXPECT_EQ(run({"cancel", "small"}, here).out, "sweep 1 cancelled, 4 trials affected\n");
  EXPECT_EQ(run({"cancel", "small"}, here).out, "sweep 1 is cancelled already\n");
  const auto watched = run({"watch"}, here);
  EXPECT_EQ(watched.code, kFailed);
  EXPECT_NE(watched.out.find("small (sweep 1) cancelled: 4/4 done, 4 cancelled"), std::string::npos) << watched.out;
  EXPECT_NE(run({"retry", "1"}, here).err.find("coordinator retry 1 --cancelled"), std::string::npos);
  EXPECT_EQ(run({"retry", "1", "--cancelled"}, here).out, "4 trials start again\n");
  EXPECT_NE(run({"list"}, here).out.find("nothing is running"), std::string::npos) << "there is no worker";
}

TEST(Verb, DrainSaysWhatItChanged) {
  RunningServer server;
  const Defaults here{server.address(), "/nonexistent/runs"};
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.next<fleet::Welcome>();
  EXPECT_EQ(run({"undrain", "w0"}, here).out, "nothing to do: no worker there is drained\n");
  EXPECT_EQ(run({"drain", "w0"}, here).out, "1 worker drained\n");
  EXPECT_EQ(run({"drain", "w0"}, here).out, "drained already\n");
  EXPECT_EQ(run({"undrain", "w0"}, here).out, "1 worker is used again\n");
}

TEST(Verb, StrictRefusesASweepThatCannotAnswerItsQuestion) {
  RunningServer server;
  const TemporaryFolder folder;
  const auto outcome = run({"submit", write_small_sweep(folder, 1), "--strict"}, {server.address(), "x"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_NE(outcome.err.find("refused by --strict: "), std::string::npos) << outcome.err;
  EXPECT_TRUE(server.client()->sweeps()->empty());
}

TEST(Verb, StrictGoesByTheSpreadOfPastTrials) {
  RunningServer server;
  const TemporaryFolder folder;
  const Defaults here{server.address(), "x"};
  auto text = small_sweep(3).files.at("small.toml");
  text.insert(text.find("seeds ="), "margin = 0.5\n");
  const auto path = (folder.path() / "margin.toml").string();
  ASSERT_TRUE(write_file_durably(path, text).ok());
  const auto unknown = run({"submit", path, "--strict"}, here);
  EXPECT_NE(unknown.err.find("even when the differences spread by only half of it"), std::string::npos) << unknown.err;

  ASSERT_TRUE(server.client()->submit(small_sweep(2), false, "a").ok());
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.next<fleet::Welcome>();
  for (int i = 0; i < 4; ++i) {
    worker.complete(worker.next<fleet::Start>(), i == 0 ? 0.51 : 0.5);
    while (worker.next<fleet::Ack>().seq < Seq(3)) {
    }
  }
  const auto known = run({"submit", path, "--strict"}, here);
  EXPECT_EQ(known.code, kOk) << known.err;
}

TEST(Verb, CatalogueNeedsNoServerAndNamesTheNearest) {
  const auto all = run({"catalogue"});
  EXPECT_EQ(all.code, kOk) << all.err;
  EXPECT_NE(all.out.find("train.lr = 0.001"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(run({"catalogue", "rms", "--output", "json"}).out).at("kinds").size(), 1u);
  const auto wrong = run({"catalogue", "rmss"});
  EXPECT_EQ(wrong.code, kUsage);
  EXPECT_NE(wrong.err.find("did you mean 'rms'?"), std::string::npos) << wrong.err;
}

TEST(Verb, BackupCopiesTheDatabaseThatIsInUse) {
  RunningServer server;
  const TemporaryFolder folder;
  ASSERT_TRUE(server.client()->submit(small_sweep(2), false, "a").ok());
  const Defaults here{server.address(), "x"};
  const std::string file = folder.path() / "copy.db";
  const auto outcome = run({"backup", file}, here);
  EXPECT_EQ(outcome.code, kOk) << outcome.err;
  EXPECT_EQ(outcome.out.substr(0, file.size() + 24), "copied the database to " + file + ",");
  EXPECT_NE(run({"report", "--db", file, "--trials", "--format", "csv"}).out.find("RMSNorm"), std::string::npos);
  const auto again = run({"backup", file}, here);
  EXPECT_EQ(again.code, kUsage);
  EXPECT_NE(again.err.find("exists already"), std::string::npos) << again.err;
  EXPECT_EQ(run({"backup", (folder.path() / "missing/copy.db").string()}, here).code, kUsage);
}

TEST(Verb, GcSaysWhatItWouldRemoveAndHow) {
  RunningServer server;
  const fs::path upload = server.state() / "artifacts/incoming/1-1";
  ASSERT_TRUE(write_file_durably(upload, std::string(2048, 'x')).ok());
  fs::last_write_time(upload, fs::file_time_type::clock::now() - std::chrono::hours(2));
  const Defaults here{server.address(), "x"};
  const auto dry = run({"gc"}, here);
  EXPECT_EQ(dry.code, kOk) << dry.err;
  EXPECT_EQ(dry.out,
            "0 files, 0 B  checkpoints and models that no trial needs\n"
            "1 file, 2.0 KiB  unfinished uploads\n"
            "0 folders, 0 B  attempts delivered more than a week ago, in work/\n"
            "could be removed: 2.0 KiB; 0 artifacts, 0 B  would stay\n"
            "what came within the last hour stays while something may still be on its way\n"
            "nothing was changed; to remove them: coordinator gc --yes\n");
  EXPECT_TRUE(fs::exists(upload));
  EXPECT_NE(run({"gc", "--yes"}, here).out.find("removed 2.0 KiB; 0 artifacts, 0 B  stay\n"), std::string::npos);
  EXPECT_FALSE(fs::exists(upload));
}

TEST(Verb, LogsOfATrialThatHasNotBegunSayWhereToLook) {
  RunningServer server;
  ASSERT_TRUE(server.client()->submit(small_sweep(), false, "a").ok());
  const std::string trial = server.client()->trials("")->at(0).id.value().substr(0, 8);
  const auto outcome = run({"logs", trial}, {server.address(), "x"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_EQ(outcome.err,
            cat("trial ", trial, " is queued and has no attempt yet; see: coordinator explain ", trial, "\n"));
  EXPECT_EQ(run({"logs", "x"}).code, kCannotConnect);
}

TEST(Verb, AnUnknownSweepIsAWrongInputNotAFailure) {
  RunningServer server;
  const auto outcome = run({"cancel", "no-such-sweep"}, {server.address(), "x"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_NE(outcome.err.find("no-such-sweep"), std::string::npos);
}

TEST(Verb, ServeSaysWhyItCannotListen) {
  RunningServer server;
  const auto outcome = run({"serve", "--listen", server.address(), "--state", "/nonexistent/x"});
  EXPECT_EQ(outcome.code, kFailed);
  EXPECT_NE(outcome.err.find(server.address()), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--listen"), std::string::npos);
  EXPECT_EQ(run({"serve", "--listen", "nonsense"}).code, kUsage);
}

TEST(Verb, RunRefusesAGangThatItsWorkersCannotForm) {
  const TemporaryFolder folder;
  const auto path = write_small_sweep(folder, 1, 8);
  const auto outcome = run({"run", path, "--workers", "2", "--state", (folder.path() / "state").string()});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_EQ(outcome.err,
            cat(path, " asks for 8 ranks in one trial, but --workers is 2; use --workers 8 or lower `ranks`\n"));
}

TEST(Verb, RunWithoutAWorkerProgramSaysSo) {
  const TemporaryFolder folder;
  const auto outcome = run({"run", write_small_sweep(folder), "--state", (folder.path() / "state").string()});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_NE(outcome.err.find("the worker program is missing: /nonexistent/worker"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace autonorm::cli
