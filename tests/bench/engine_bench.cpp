// engine_bench: what the control plane does per second and how much memory it takes, beside what the machine can do.
// README.md explains the numbers and the rules.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "core/base/text.h"
#include "tests/bench/measurements.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::bench {
namespace {

constexpr int kAttempts = 3;
constexpr double kWorstShare = 0.5;  // of the committed ratio, in every attempt, fails the check

constexpr const char* kHelp = R"(engine_bench: throughput, latency and memory of the coordinator

  engine_bench                   measure everything (about three minutes), print one line per number
  engine_bench --strict          the same; exit 1 when a target is missed
  engine_bench --check           exit 1 when a ratio is below half of the committed one in three runs of three
  engine_bench --bless           write the ratios of this run as the committed ones
  engine_bench --tiny            everything with tiny counts in a few seconds; its numbers mean nothing

  --only NAME        sweeps, reports, metrics or scheduling alone; may be repeated
  --dir DIR          where state directories go (default: a fresh folder in the temporary one); the disk matters
  --coordinator FILE the program to measure (default: ../bin/coordinator beside this one)
  --baseline FILE    the committed ratios (default: tests/bench/baseline.json of the source tree)
)";

struct Options {
  bool strict = false, check = false, bless = false, tiny = false, help = false;
  std::set<std::string> only;
  std::filesystem::path dir, coordinator, baseline = AUTONORM_SOURCE_DIR "/tests/bench/baseline.json";
};

Options parse(int argc, char** argv) {
  Options options;
  options.coordinator = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "../bin/coordinator";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] {
      if (++i >= argc) throw std::invalid_argument(word + " needs a value");
      return std::string(argv[i]);
    };
    if (word == "--strict")
      options.strict = true;
    else if (word == "--check")
      options.check = true;
    else if (word == "--bless")
      options.bless = true;
    else if (word == "--tiny")
      options.tiny = true;
    else if (word == "--help" || word == "-h")
      options.help = true;
    else if (word == "--only")
      options.only.insert(value());
    else if (word == "--dir")
      options.dir = value();
    else if (word == "--coordinator")
      options.coordinator = value();
    else if (word == "--baseline")
      options.baseline = value();
    else
      throw std::invalid_argument("unknown option '" + word + "'; see engine_bench --help");
  }
  for (const std::string& name : options.only) {
    if (name != "sweeps" && name != "reports" && name != "metrics" && name != "scheduling")
      throw std::invalid_argument("--only takes sweeps, reports, metrics or scheduling, not '" + name + "'");
  }
  if (options.tiny && (options.strict || options.check || options.bless))
    throw std::invalid_argument(
        "--tiny measures nothing that could be judged; leave out --strict, --check and --bless");
  return options;
}

const char* word(Beside beside) {
  switch (beside) {
    case Beside::kNothing:
      return "";
    case Beside::kFsyncs:
      return "fsync/s";
    case Beside::kRpcs:
      return "unary RPC/s";
    case Beside::kSpawns:
      return "spawn/s";
  }
  return "";
}

void print(const Number& number, const Calibration& calibration) {
  std::string verdict = "no target";
  if (number.target) {
    verdict =
        cat(number.direction == Direction::kAtLeast ? "≥ " : "≤ ", *number.target, meets(number) ? " pass" : " FAIL");
  }
  const auto beside = ratio(number, calibration);
  std::printf("%-36s %12.4g %-9s %-14s", number.name.c_str(), number.value, number.unit.c_str(), verdict.c_str());
  if (beside) std::printf("  ratio %.4g to %.0f %s", *beside, rate_of(number.beside, calibration), word(number.beside));
  if (!number.note.empty()) std::printf("  (%s)", number.note.c_str());
  std::printf("\n");
  std::fflush(stdout);
}

struct Run {
  Numbers numbers;
  Calibration calibration;
};

Run measure(const Options& options) {
  const testing::TemporaryFolder fresh;
  std::filesystem::path folder = fresh.path();
  if (!options.dir.empty()) folder = options.dir / fresh.path().filename();
  std::filesystem::create_directories(folder);
  const Setting setting{options.coordinator, folder, options.tiny ? tiny() : Sizes{}};
  Run run;
  run.calibration = calibrate(folder, setting.sizes.calibration);
  std::printf("calibration in %s: %.0f fsync/s, %.0f unary RPC/s, %.0f spawn/s; load average %.2f\n", folder.c_str(),
              run.calibration.fsyncs, run.calibration.rpcs, run.calibration.spawns, run.calibration.load);
  const auto wanted = [&](const char* name) { return options.only.empty() || options.only.contains(name); };
  const auto add = [&](Numbers numbers) {
    for (Number& number : numbers) {
      print(number, run.calibration);
      run.numbers.push_back(std::move(number));
    }
  };
  if (wanted("scheduling")) add(measure_scheduling(setting));
  if (wanted("metrics")) add(measure_metrics(setting));
  if (wanted("sweeps")) add(measure_sweeps(setting));
  if (wanted("reports")) add(measure_full_reports(setting));
  std::printf("load average after the run %.2f\n", load_average());
  if (!options.dir.empty()) std::filesystem::remove_all(folder);
  return run;
}

nlohmann::json ratios(const Run& run) {
  nlohmann::json found = nlohmann::json::object();
  for (const Number& number : run.numbers) {
    if (const auto beside = ratio(number, run.calibration)) found[number.name] = *beside;
  }
  return found;
}

nlohmann::json read_baseline(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("there is no " + path.string() + "; write one with --bless");
  return nlohmann::json::parse(file);
}

// Names of ratios below half of the committed ones.
std::set<std::string> fallen(const nlohmann::json& found, const nlohmann::json& committed) {
  std::set<std::string> names;
  for (const auto& [name, value] : found.items()) {
    if (!committed.contains(name))
      throw std::runtime_error("the baseline lacks " + name + "; write it again with --bless");
    if (value.get<double>() < kWorstShare * committed[name].get<double>()) names.insert(name);
  }
  return names;
}

int check(const Options& options) {
  const nlohmann::json committed = read_baseline(options.baseline);
  std::set<std::string> slow;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    const std::set<std::string> now = fallen(ratios(measure(options)), committed);
    std::set<std::string> both;
    std::ranges::set_intersection(slow, now, std::inserter(both, both.end()));
    slow = attempt == 1 ? now : both;
    if (slow.empty()) {
      std::printf("check: every ratio is at least half of the committed one (run %d of at most %d)\n", attempt,
                  kAttempts);
      return 0;
    }
    std::printf("check: run %d of %d: below half of the committed ratio: %s\n", attempt, kAttempts,
                join(std::vector<std::string>(slow.begin(), slow.end())).c_str());
  }
  return 1;
}

int judge(const Run& run) {
  std::vector<std::string> missed;
  for (const Number& number : run.numbers) {
    if (!meets(number)) missed.push_back(number.name);
  }
  if (missed.empty()) {
    std::printf("strict: every target is met\n");
    return 0;
  }
  std::printf("strict: missed %s\n", join(missed).c_str());
  return 1;
}

int run(const Options& options) {
  if (options.help) {
    std::cout << kHelp;
    return 0;
  }
  if (options.check) return check(options);
  const Run found = measure(options);
  if (options.bless) {
    if (!options.only.empty()) throw std::invalid_argument("--bless writes all ratios; leave out --only");
    std::ofstream(options.baseline) << ratios(found).dump(2) << "\n";
  }
  return options.strict ? judge(found) : 0;
}

}  // namespace
}  // namespace autonorm::bench

int main(int argc, char** argv) {
  try {
    return autonorm::bench::run(autonorm::bench::parse(argc, argv));
  } catch (const std::invalid_argument& error) {
    std::cerr << "engine_bench: " << error.what() << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "engine_bench: " << error.what() << "\n";
    return 1;
  }
}
