// The same numbers through SciPy and statsmodels (reference_numbers.py beside this file). Skips, visibly, where they
// are not installed.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/stats/bootstrap.h"
#include "core/stats/equivalence.h"
#include "core/stats/holm.h"
#include "core/stats/paired_t.h"
#include "core/stats/power.h"
#include "core/stats/proportions.h"
#include "core/stats/sign_flip.h"
#include "core/stats/summary.h"

namespace autonorm::stats {
namespace {

constexpr int kNoScipy = 77;  // exit status of the script

// The reference cases of one section; nothing without SciPy (or statsmodels).
std::optional<nlohmann::json> reference(const std::string& section) {
  const std::string command =
      AUTONORM_PYTHON " " AUTONORM_SOURCE_DIR "/tests/unit/stats/reference_numbers.py " + section;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string text;
  std::array<char, 4096> buffer;
  for (size_t n; (n = ::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoScipy) return std::nullopt;
  if (status != 0) throw std::runtime_error("failed: " + command);
  return nlohmann::json::parse(text);
}

#define LOAD_REFERENCE(cases, section)                                                      \
  const auto cases = reference(section);                                                    \
  if (!cases) GTEST_SKIP() << "SciPy or statsmodels is not installed for " AUTONORM_PYTHON; \
  ASSERT_FALSE(cases->empty())

// Both sides work in double; the distribution functions agree to about 1e-12 relative.
void expect_close(double ours, double reference, const std::string& what) {
  EXPECT_NEAR(ours, reference, 1e-10 * std::max(1e-3, std::abs(reference))) << what;
}

TEST(ScipyParity, PairedT) {
  LOAD_REFERENCE(cases, "paired");
  for (const auto& item : *cases) {
    const auto differences = item["differences"].get<std::vector<double>>();
    const PairedComparison ours = compare_paired(differences, 0.05);
    const std::string where = "n = " + std::to_string(differences.size());
    expect_close(*ours.delta, item["mean"], where + " mean");
    expect_close(*ours.sd, item["sd"], where + " sd");
    expect_close(*ours.t, item["t"], where + " t");
    expect_close(*ours.p, item["p"], where + " p");
    expect_close(ours.ci->low, item["low"], where + " low");
    expect_close(ours.ci->high, item["high"], where + " high");
    EXPECT_EQ(ours.df, item["df"].get<size_t>());
  }
}

TEST(ScipyParity, ExactSignFlip) {
  LOAD_REFERENCE(cases, "paired");
  int compared = 0;
  for (const auto& item : *cases) {
    if (!item.contains("sign_flip")) continue;
    const auto differences = item["differences"].get<std::vector<double>>();
    EXPECT_DOUBLE_EQ(*sign_flip_p(differences), item["sign_flip"].get<double>()) << "n = " << differences.size();
    ++compared;
  }
  EXPECT_GE(compared, 6);
}

TEST(ScipyParity, Power) {
  LOAD_REFERENCE(cases, "power");
  for (const auto& item : *cases) {
    const int n = item["n"];
    const double alpha = item["alpha"];
    const std::string where = "n = " + std::to_string(n) + " alpha = " + std::to_string(alpha);
    EXPECT_NEAR(*smallest_detectable_difference(n, 1, alpha), item["detectable"].get<double>(), 1e-6) << where;
    for (const auto& point : item["powers"]) {
      EXPECT_NEAR(paired_t_power(n, point["effect"], alpha), point["power"].get<double>(), 1e-8) << where;
    }
  }
}

TEST(ScipyParity, Holm) {
  LOAD_REFERENCE(cases, "holm");
  for (const auto& item : *cases) {
    std::vector<std::optional<double>> p;
    for (const double value : item["p"]) p.emplace_back(value);
    const auto adjusted = holm(p);
    for (size_t i = 0; i < p.size(); ++i) EXPECT_DOUBLE_EQ(*adjusted[i], item["adjusted"][i].get<double>());
  }
}

TEST(ScipyParity, StudentQuantiles) {
  LOAD_REFERENCE(cases, "quantiles");
  for (const auto& item : *cases) {
    expect_close(student_t_quantile(item["probability"], item["df"]), item["t"], item.dump());
  }
}

// Both sides resample, from different generators: the endpoints differ by their Monte-Carlo error. (Below 8 pairs the
// resampled means have too few values for that: an endpoint may jump to the next one.)
TEST(ScipyParity, BcaBootstrap) {
  LOAD_REFERENCE(cases, "bootstrap");
  for (const auto& item : *cases) {
    const auto differences = item["differences"].get<std::vector<double>>();
    const auto ours = bca_interval(differences, 0.05, 400'000);
    const double error = *summarize(differences).sd / std::sqrt(static_cast<double>(differences.size()));
    // At 400,000 resamples the standard error of a 2.5 % quantile is about 0.005 standard errors of the mean.
    EXPECT_NEAR(ours->low, item["low"].get<double>(), 0.03 * error) << "n = " << differences.size();
    EXPECT_NEAR(ours->high, item["high"].get<double>(), 0.03 * error) << "n = " << differences.size();
  }
}

TEST(ScipyParity, DrawnSignFlip) {
  LOAD_REFERENCE(cases, "drawn_flip");
  for (const auto& item : *cases) {
    const auto differences = item["differences"].get<std::vector<double>>();
    const double p = item["p"];
    const double error = std::sqrt(p * (1 - p) * (1.0 / 100'000 + 1.0 / 200'000));
    EXPECT_NEAR(*sign_flip_p(differences), p, 4 * error + 2e-5) << "n = " << differences.size();
  }
}

TEST(ScipyParity, SignFlipInterval) {
  LOAD_REFERENCE(cases, "flip_interval");
  int bounded = 0, unbounded = 0;
  for (const auto& item : *cases) {
    const auto interval = sign_flip_interval(item["differences"].get<std::vector<double>>(), item["alpha"]);
    const std::string where = item.dump();
    if (item["low"].is_null()) {
      EXPECT_FALSE(interval->bounded()) << where;
      ++unbounded;
    } else {
      EXPECT_NEAR(interval->low, item["low"].get<double>(), 1e-9) << where;
      EXPECT_NEAR(interval->high, item["high"].get<double>(), 1e-9) << where;
      ++bounded;
    }
  }
  EXPECT_GT(bounded, 4);
  EXPECT_GT(unbounded, 1);
}

TEST(ScipyParity, Equivalence) {
  LOAD_REFERENCE(cases, "equivalence");
  for (const auto& item : *cases) {
    const auto paired = compare_paired(item["differences"].get<std::vector<double>>(), 0.05);
    expect_close(*equivalence_p(paired, item["margin"]), item["p"], item.dump());
  }
}

TEST(ScipyParity, EquivalencePower) {
  LOAD_REFERENCE(cases, "equivalence_power");
  for (const auto& item : *cases) {
    EXPECT_NEAR(equivalence_power(item["n"], item["delta"], 1, item["margin"], item["alpha"]),
                item["power"].get<double>(), 1e-8)
        << item.dump();
  }
}

TEST(ScipyParity, PredictedPairs) {
  LOAD_REFERENCE(cases, "pairs");
  for (const auto& item : *cases) {
    const int exact = item["pairs"];
    EXPECT_EQ(*pairs_needed(item["effect"], 1, item["alpha"]), exact) << item.dump();
    EXPECT_NEAR(*predicted_pairs(item["effect"], 1, item["alpha"]), exact, std::max(2.0, 0.05 * exact)) << item.dump();
  }
}

TEST(ScipyParity, PredictedEquivalencePairs) {
  LOAD_REFERENCE(cases, "equivalence_pairs");
  for (const auto& item : *cases) {
    const int exact = item["pairs"];
    EXPECT_NEAR(*predicted_equivalence_pairs(item["delta"], 1, item["margin"], item["alpha"]), exact,
                std::max(2.0, 0.05 * exact))
        << item.dump();
  }
}

TEST(ScipyParity, Wilson) {
  LOAD_REFERENCE(cases, "wilson");
  for (const auto& item : *cases) {
    const auto ours = wilson_interval(item["hits"], item["n"], item["alpha"]);
    EXPECT_NEAR(ours->low, item["low"].get<double>(), 1e-12) << item.dump();
    EXPECT_NEAR(ours->high, item["high"].get<double>(), 1e-12) << item.dump();
  }
}

TEST(ScipyParity, McNemar) {
  LOAD_REFERENCE(cases, "mcnemar");
  for (const auto& item : *cases) expect_close(mcnemar_p(item["b"], item["c"]), item["p"], item.dump());
}

TEST(StatsmodelsParity, TostHolmWilsonMcNemarPower) {
  LOAD_REFERENCE(cases, "statsmodels");
  const auto& item = cases->front();
  const auto paired = compare_paired(item["differences"].get<std::vector<double>>(), 0.05);
  expect_close(*equivalence_p(paired, item["margin"]), item["tost"], "TOST");
  std::vector<std::optional<double>> p;
  for (const double value : item["p"]) p.emplace_back(value);
  const auto adjusted = holm(p);
  for (size_t i = 0; i < p.size(); ++i) expect_close(*adjusted[i], item["holm"][i], "Holm");
  expect_close(wilson_interval(3, 10, 0.05)->low, item["wilson_low"], "Wilson low");
  expect_close(wilson_interval(3, 10, 0.05)->high, item["wilson_high"], "Wilson high");
  expect_close(mcnemar_p(7, 1), item["mcnemar"], "McNemar");
  EXPECT_NEAR(paired_t_power(8, 1.2, 0.05), item["power"].get<double>(), 1e-8);
}

}  // namespace
}  // namespace autonorm::stats
