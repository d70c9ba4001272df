#include "coordinator/report/origins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/report/sample_sweep.h"

namespace autonorm::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kOld = sha256("old").value(), kNew = sha256("new").value();

// Base and Variant on digits, four seeds, all of the old build and of equal data.
ReportData alike() {
  ReportData data = two_sides({0.01, 0.02, 0.03, 0.01});
  for (TrialRow& row : data.trials) {
    row.own_facts.insert({{"build", kOld}, {"torch_version", "2.11"}, {"device", "cpu"}, {"data_sha256", "d"}});
  }
  return data;
}

TEST(Origins, OfTrialsThatWereMadeAlikeNothingIsSaid) { EXPECT_THAT(mixed_origins(alike()), IsEmpty()); }

TEST(Origins, OldResultsThatRecordNoneAreAlikeToo) { EXPECT_THAT(mixed_origins(two_sides({0.01, 0.02})), IsEmpty()); }

TEST(Origins, PairsOfTwoBuildsAreCountedAndNamed) {
  ReportData data = alike();
  side_of(data, "Variant", 1).own_facts["build"] = kNew;
  side_of(data, "Variant", 3).own_facts["build"] = kNew;
  side_of(data, "Base", 3).own_facts["build"] = kNew;
  const auto mixed = mixed_origins(data);
  ASSERT_EQ(mixed.size(), 1u);
  EXPECT_EQ(mixed[0].trials, (std::map<std::string, int>{{kOld, 5}, {kNew, 3}}));
  EXPECT_EQ(mixed[0].pairs, 4);
  EXPECT_EQ(mixed[0].mixed, 1);
  EXPECT_THAT(mixed[0].note, HasSubstr("these trials come from 2 builds"));
  EXPECT_THAT(mixed[0].note, HasSubstr(cat(kNew.substr(0, 12), ": 3")));
  EXPECT_THAT(mixed[0].note, HasSubstr("in 1 of 4 pairs variant and baseline have different ones "
                                       "(Variant on data.name=digits 1)"));
  EXPECT_THAT(rendered(data, {}), HasSubstr(mixed[0].note));
  EXPECT_THAT(rendered(data, {.format = Format::kLatex}), HasSubstr("these trials come from 2 builds"));
}

TEST(Origins, SeedsOfAnotherBuildMixNoPair) {
  ReportData data = alike();
  for (const char* side : {"Base", "Variant"}) side_of(data, side, 2).own_facts["build"] = kNew;
  const auto mixed = mixed_origins(data);
  ASSERT_EQ(mixed.size(), 1u);
  EXPECT_EQ(mixed[0].mixed, 0);
  EXPECT_THAT(mixed[0].note, HasSubstr("no pair mixes them"));
}

TEST(Origins, WhatSomeTrialsHaveNotRecordedIsNamedAndCountsAsNoDifference) {
  ReportData data = alike();
  side_of(data, "Variant", 0).own_facts.erase("build");
  const auto mixed = mixed_origins(data);
  ASSERT_EQ(mixed.size(), 1u);
  EXPECT_EQ(mixed[0].mixed, 0);
  EXPECT_EQ(mixed[0].pairs, 3);
  EXPECT_THAT(mixed[0].note, HasSubstr("not recorded: 1"));
}

TEST(Origins, CellsMayDifferInTheirDataButNotTheTrialsOfOne) {
  ReportData data = alike();
  ReportData other = alike();
  for (TrialRow& row : other.trials) {
    row.labels = with_label(row.labels, "data.name", "mnist");
    row.trial = TrialId(sha256("mnist" + row.trial.value()).value());
    row.own_facts["data_sha256"] = "m";
    data.trials.push_back(row);
  }
  EXPECT_THAT(mixed_origins(data), IsEmpty());
  data.trials.back().own_facts["data_sha256"] = "other";  // Variant on mnist, the last seed
  const auto mixed = mixed_origins(data);
  ASSERT_EQ(mixed.size(), 1u);
  EXPECT_EQ(mixed[0].trials, (std::map<std::string, int>{{"m", 7}, {"other", 1}}));
  EXPECT_THAT(mixed[0].note, HasSubstr("2 contents of the data within a cell"));
  EXPECT_THAT(mixed[0].note, HasSubstr("in 1 of 4 pairs"));
}

TEST(Origins, GpusOfOneKindAreAlike) {
  ReportData data = alike();
  for (TrialRow& row : data.trials) row.own_facts["device"] = cat("cuda:", row.seed);
  EXPECT_THAT(mixed_origins(data), IsEmpty());
  side_of(data, "Variant", 0).own_facts["device"] = "cpu";
  ASSERT_EQ(mixed_origins(data).size(), 1u);
  EXPECT_EQ(mixed_origins(data)[0].trials, (std::map<std::string, int>{{"cpu", 1}, {"cuda", 7}}));
}

TEST(Origins, UnfinishedTrialsHaveNone) {
  ReportData data = alike();
  TrialRow& row = side_of(data, "Variant", 0);
  row.state = TrialState::kRunning;
  row.own_facts.clear(), row.common_facts = {};
  EXPECT_THAT(mixed_origins(data), IsEmpty());
}

TEST(Origins, JsonCountsThem) {
  ReportData data = alike();
  side_of(data, "Variant", 1).own_facts["build"] = kNew;
  const auto json = nlohmann::json::parse(rendered(data, {.format = Format::kJson}));
  EXPECT_EQ(json.at("mixed_origins").dump(),
            cat(R"([{"fact":"build","pairs":4,"pairs_mixed":1,"trials":{")", kNew, R"(":1,")", kOld, R"(":7}}])"));
}

TEST(Origins, AnExplainedCellNamesPairsAndSeeds) {
  ReportData data = alike();
  side_of(data, "Variant", 1).own_facts["build"] = kNew;
  side_of(data, "Variant", 1).own_facts["data_sha256"] = "other";
  const std::string text = rendered(data, {.explain_cell = "Variant/digits"});
  EXPECT_THAT(text, HasSubstr("seed 1: another build, other data"));
  EXPECT_THAT(text, HasSubstr(cat("build (seed 1): ", kNew)));
  EXPECT_THAT(text, HasSubstr(cat("build (seed 0, 2, 3): ", kOld)));
  EXPECT_THAT(rendered(alike(), {.explain_cell = "Variant/digits"}), Not(HasSubstr("another build")));
}

TEST(Origins, DifferencesOfTwoTrialsHaveNames) {
  ReportData data = alike();
  TrialRow other = data.trials[0];
  EXPECT_THAT(origin_differences(data.trials[0], other), IsEmpty());
  other.own_facts["build"] = kNew;
  other.own_facts["cpu_capability"] = "AVX2";  // which the first did not record
  other.own_facts["torch_version"] = "2.12";
  EXPECT_THAT(origin_differences(data.trials[0], other), ElementsAre("another build", "another LibTorch version"));
}

}  // namespace
}  // namespace autonorm::report
