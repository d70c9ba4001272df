#include "coordinator/server/history_codec.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/plot/sample_histories.h"

namespace autonorm::server {
namespace {

template <class Wire, class Value>
Wire encoded(const Value& value) {
  Wire wire;
  encode(value, wire);
  return wire;
}

TEST(HistoryCodec, RowsComeBackAsTheyWere) {
  const report::ReportData data = report::sample_sweep();
  for (const report::TrialRow& row : data.trials) {
    const auto wire = encoded<v1::ReportedTrial>(row);
    const auto back = decode(wire);
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(encoded<v1::ReportedTrial>(*back).SerializeAsString().size(), wire.SerializeAsString().size());
    EXPECT_EQ(back->trial, row.trial);
    EXPECT_EQ(back->variant, row.variant);
    EXPECT_EQ(back->labels, row.labels);
    EXPECT_EQ(back->seed, row.seed);
    EXPECT_EQ(back->state, row.state);
    EXPECT_EQ(back->end, row.end);
    EXPECT_EQ(back->reason, row.reason);
    EXPECT_EQ(back->results, row.results);
    EXPECT_EQ(back->facts, row.facts);
    EXPECT_EQ(back->initial, row.initial);
    EXPECT_EQ(back->duration_s, row.duration_s);
    EXPECT_EQ(back->configuration, row.configuration);
  }
  const report::SweepRow sweep = decode(encoded<v1::ReportedSweep>(data.sweep));
  EXPECT_EQ(sweep.variants, data.sweep.variants);
  EXPECT_EQ(sweep.seeds, data.sweep.seeds);
  EXPECT_EQ(sweep.margin, data.sweep.margin);
  EXPECT_EQ(sweep.content, data.sweep.content);
  EXPECT_EQ(sweep.submitted, data.sweep.submitted);
}

TEST(HistoryCodec, HistoriesComeBackAsTheyWere) {
  report::TrialRow row = report::make_trial("AutoNorm", "digits", 1, 0.9);
  row.state = TrialState::kDiverged;
  const report::TrialHistory history = plot::sample_history(row, 0);
  const auto back = decode(encoded<v1::TrialHistory>(history));
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->trial, history.trial);
  ASSERT_EQ(back->curves.size(), history.curves.size());
  EXPECT_EQ(back->curves[1].metric, "val/accuracy");
  EXPECT_TRUE(std::isnan(back->curves[0].points.back().value));
  ASSERT_EQ(back->norms.size(), history.norms.size());
  EXPECT_EQ(back->norms[0].site, "embed");
  EXPECT_EQ(back->norms[0].points.size(), history.norms[0].points.size());
  ASSERT_EQ(back->attempts.size(), 1u);
  EXPECT_EQ(back->attempts[0].workers, history.attempts[0].workers);
  EXPECT_EQ(back->attempts[0].ended, history.attempts[0].ended);
  EXPECT_EQ(back->attempts[0].end, history.attempts[0].end);
}

TEST(HistoryCodec, UnknownWordsAndDamagedIdsAreRefused) {
  auto wire = encoded<v1::ReportedTrial>(report::make_trial("A", "digits", 1, 0.9));
  wire.set_state("dreaming");
  EXPECT_FALSE(decode(wire).ok());
  wire.set_state("succeeded");
  wire.set_trial("xyz");
  EXPECT_FALSE(decode(wire).ok());
}

}  // namespace
}  // namespace autonorm::server
