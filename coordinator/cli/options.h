// What was asked for on the command line, as values.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/report/report_data.h"

namespace autonorm::cli {

enum class Output { kText, kJson };

struct Serve {
  std::string listen, state;
  double lease_s = 15, heartbeat_s = 2;
  int quarantine_crashes = 3;  // 0 = a worker is never set aside
  int keep_checkpoints = 2;
  double max_artifact_gib = 0;  // 0 = unbounded
};
struct Run {
  std::string file, state;
  int workers = 1;
};
struct Submit {
  std::string file;
  bool strict = false, fresh = false, wait = false;
};
struct Plan {
  std::string file;
};
struct List {
  Output output = Output::kText;
};
struct ShowStatus {
  std::string sweep, variant;
  std::set<TrialState> states;  // with either, every trial that matches is listed
  Output output = Output::kText;
};
struct Watch {
  std::string sweep;
};
struct Explain {
  std::string trial;
  Output output = Output::kText;
};
struct Logs {
  std::string trial;
  int attempt = 0;  // 0 = the newest
  bool follow = false;
  std::optional<int64_t> tail;  // the last so many lines
};
struct Act {
  engine::SweepAction action{};
  std::string sweep;
};
struct Retry {
  std::string sweep, variant, trial;
  bool cancelled = false;
};
struct DrainWorker {
  std::string worker;
  engine::Drain drain = engine::Drain::kAfterTrial;
};
struct Failures {
  std::string sweep;
  Output output = Output::kText;
};
struct Workers {
  Output output = Output::kText;
};
// Where results are read.
struct ArchivePlace {
  std::optional<std::string> state, db;  // without a server, at most one; absent = ask the server
};
struct Report {
  std::string sweep;
  report::ReportOptions how;
  std::vector<std::string> compare;     // two variants or two sweeps; empty = the whole sweep
  std::optional<std::string> other_db;  // where the second of two sweeps is
  ArchivePlace place;
};
enum class PlotFormat { kSvg, kPng, kData };
struct Plot {
  std::string sweep;
  report::ReportOptions how;
  std::vector<std::string> kinds;  // empty = all
  PlotFormat format = PlotFormat::kSvg;
  std::string out = ".";
  ArchivePlace place;
};
enum class ExportFormat { kTensorboard, kJsonLines, kCsv };
struct Export {
  std::string sweep;
  report::ReportOptions how;
  ExportFormat format = ExportFormat::kTensorboard;
  std::string out = "export";
  ArchivePlace place;
};
struct Sample {  // of the finished trials
  bool is_share = true;
  double amount = 0.1;  // a share in (0, 1], or a number of trials from 1 on
};
struct Verify {
  std::string sweep;
  Sample sample;
  uint64_t seed = 0;
  int64_t round = 1;
  std::optional<double> tolerance;
};
struct Backup {
  std::string file;
};
struct CollectGarbage {
  bool yes = false, models = false;
  int keep_checkpoints = 0;  // 0 = as the server was started
};
struct Catalogue {
  std::string what;  // empty = everything
  Output output = Output::kText;
};
using Command = std::variant<Serve, Run, Submit, Plan, List, ShowStatus, Watch, Explain, Logs, Act, Retry, DrainWorker,
                             Failures, Workers, Report, Plot, Export, Verify, Backup, CollectGarbage, Catalogue>;

struct Invocation {
  Command command;
  std::string coordinator;  // address for the verbs that ask a server
};

}  // namespace autonorm::cli
