// The same numbers through SciPy (reference_numbers.py beside this file). Skips, visibly, where SciPy is not installed.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/stats/holm.h"
#include "core/stats/paired_t.h"
#include "core/stats/power.h"
#include "core/stats/sign_flip.h"
#include "core/stats/summary.h"

namespace autonorm::stats {
namespace {

constexpr int kNoScipy = 77;  // exit status of the script

// The reference cases of one section; nothing without SciPy.
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

#define LOAD_REFERENCE(cases, section)                                       \
  const auto cases = reference(section);                                     \
  if (!cases) GTEST_SKIP() << "SciPy is not installed for " AUTONORM_PYTHON; \
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

}  // namespace
}  // namespace autonorm::stats
