#include "coordinator/server/sweep_selector.h"

#include <gtest/gtest.h>

namespace autonorm::server {
namespace {

const std::vector<NamedSweep> kSweeps{
    {SweepId(1), "norms"}, {SweepId(2), "depth"}, {SweepId(3), "norms"}, {SweepId(4), "2"}};

TEST(SweepSelector, NothingMeansTheNewest) { EXPECT_EQ(*select_sweep("", kSweeps), SweepId(4)); }
TEST(SweepSelector, ANumberMeansTheIdEvenWhenItIsAName) { EXPECT_EQ(*select_sweep("2", kSweeps), SweepId(2)); }
TEST(SweepSelector, ANameMeansTheNewestOfThatName) { EXPECT_EQ(*select_sweep("norms", kSweeps), SweepId(3)); }

// `verify` trains some trials of a study again: what people look at stays the study.
TEST(SweepSelector, ARerunIsMeantOnlyWhenItIsNamed) {
  std::vector<NamedSweep> sweeps = kSweeps;
  sweeps.push_back({SweepId(5), "2 (again, 1)"});
  EXPECT_EQ(*select_sweep("", sweeps), SweepId(4));
  EXPECT_EQ(*select_sweep("5", sweeps), SweepId(5));
  EXPECT_EQ(*select_sweep("2 (again, 1)", sweeps), SweepId(5));
  EXPECT_EQ(*select_sweep("", {{SweepId(5), "x (again, 1)"}, {SweepId(6), "x (again, 2)"}}), SweepId(6));
}

TEST(SweepSelector, AnUnknownNameIsAnsweredWithTheNearestAndAllThereAre) {
  const auto found = select_sweep("nroms", kSweeps);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().code(), Code::kNotFound);
  EXPECT_EQ(found.status().message(),
            "no sweep 'nroms'; did you mean 'norms'?\nthere are, newest first: 4 (2), 3 (norms), 2 (depth), 1 (norms)");
}

TEST(SweepSelector, ANumberIsNoMisspeltName) {
  EXPECT_EQ(select_sweep("9", {{SweepId(1), "k"}}).status().message(), "no sweep '9'\nthere are, newest first: 1 (k)");
}

TEST(SweepSelector, WithoutAnySweepItSaysHowToSubmitOne) {
  const auto found = select_sweep("", {});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().message(), "there is no sweep yet; submit one: coordinator submit FILE");
  EXPECT_EQ(select_sweep("x", {}).status().message(),
            "no sweep 'x': there is no sweep yet; submit one: coordinator submit FILE");
}

}  // namespace
}  // namespace autonorm::server
