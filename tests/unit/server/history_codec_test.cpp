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
  const auto wire = encoded<v1::ReadSweepReply>(data.trials);
  const auto rows = decode_rows(wire);
  ASSERT_TRUE(rows.ok()) << rows.status().message();
  EXPECT_EQ(encoded<v1::ReadSweepReply>(*rows).SerializeAsString().size(), wire.SerializeAsString().size());
  ASSERT_EQ(rows->size(), data.trials.size());
  for (size_t i = 0; i < rows->size(); ++i) {
    const report::TrialRow &row = data.trials[i], *back = &(*rows)[i];
    EXPECT_EQ(back->trial, row.trial);
    EXPECT_EQ(back->variant, row.variant);
    EXPECT_EQ(back->labels, row.labels);
    EXPECT_EQ(back->seed, row.seed);
    EXPECT_EQ(back->state, row.state);
    EXPECT_EQ(back->end, row.end);
    EXPECT_EQ(back->reason, row.reason);
    EXPECT_EQ(back->results, row.results);
    EXPECT_EQ(back->own_facts, row.own_facts);
    EXPECT_EQ(back->common_facts, row.common_facts);
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

TEST(HistoryCodec, ListsTravelOnceAndStayShared) {
  std::vector<report::TrialRow> rows(3, report::make_trial("A", "digits", 1, 0.9));
  rows[2].initial = report::TextList{{"bias [10]", "b"}};
  auto wire = encoded<v1::ReadSweepReply>(rows);
  EXPECT_EQ(wire.lists_size(), 3) << "facts, and two lists of initial values";
  const auto back = decode_rows(wire);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(&*(*back)[0].initial, &*(*back)[1].initial);
  EXPECT_EQ(&*(*back)[0].common_facts, &*(*back)[2].common_facts);
  EXPECT_EQ((*back)[2].initial->at("bias [10]"), "b");
  for (const int wrong : {-1, 4}) {
    wire.mutable_trials(0)->set_initial(wrong);
    EXPECT_EQ(decode_rows(wire).status().message(), cat("ReportedTrial.initial is list ", wrong, " of 3"));
  }
}

TEST(HistoryCodec, WhatWasTrainedAgainComesBack) {
  const report::TrainedAgain again = {{TrialId(std::string(64, 'a')), SweepId(7)},
                                      {TrialId(std::string(64, 'b')), SweepId(9)}};
  auto wire = encoded<v1::ReadSweepReply>(again);
  EXPECT_EQ(decode_trained_again(wire).value(), again);
  wire.mutable_trained_again(0)->set_trial("xyz");
  EXPECT_FALSE(decode_trained_again(wire).ok());
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
  auto wire = encoded<v1::ReadSweepReply>(std::vector{report::make_trial("A", "digits", 1, 0.9)});
  v1::ReportedTrial& trial = *wire.mutable_trials(0);
  trial.set_state("dreaming");
  EXPECT_FALSE(decode_rows(wire).ok());
  trial.set_state("succeeded");
  trial.set_trial("xyz");
  EXPECT_FALSE(decode_rows(wire).ok());
}

}  // namespace
}  // namespace autonorm::server
