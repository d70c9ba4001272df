#include "coordinator/server/history_codec.h"

#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/text.h"
#include "proto/codec/wire_values.h"

namespace autonorm::server {
namespace {

void encode_points(const std::vector<report::CurvePoint>& points, v1::HistoryCurve& wire) {
  for (const report::CurvePoint& point : points) {
    auto& item = *wire.add_points();
    item.set_step(point.step);
    item.set_value(point.value);
    item.set_attempt(point.attempt);
  }
}

std::vector<report::CurvePoint> decode_points(const v1::HistoryCurve& wire) {
  std::vector<report::CurvePoint> points;
  for (const auto& item : wire.points()) points.push_back({item.step(), item.value(), item.attempt()});
  return points;
}

std::optional<EndReason> decode_end(v1::EndReason wire, codec::WireReader& in) {
  return wire == v1::END_REASON_UNSPECIFIED ? std::nullopt : std::optional(in.reason(wire));
}

report::AttemptRow decode_attempt(const v1::HistoryAttempt& wire, codec::WireReader& in) {
  report::AttemptRow attempt;
  attempt.number = wire.number();
  attempt.assigned = wall_from_us(wire.assigned_us());
  if (wire.has_running_us()) attempt.running = wall_from_us(wire.running_us());
  if (wire.has_ended_us()) attempt.ended = wall_from_us(wire.ended_us());
  attempt.end = decode_end(wire.end(), in);
  attempt.workers.assign(wire.workers().begin(), wire.workers().end());
  return attempt;
}

template <class Flat>
std::map<std::string, typename Flat::mapped_type> sorted(const Flat& values) {
  return {values.begin(), values.end()};
}

template <class Flat>
Flat flat(const std::map<std::string, typename Flat::mapped_type>& values) {
  return {boost::container::ordered_unique_range, values.begin(), values.end()};
}

using Lists = std::vector<report::Shared<report::TextList>>;

// Numbers the lists that rows share, from 1 on; 0 is an empty one.
class SharedLists {
 public:
  explicit SharedLists(v1::ReadSweepReply& wire) : wire_(wire) {}
  int number_of(const report::Shared<report::TextList>& list) {
    if (list->empty()) return 0;
    const auto [number, is_new] = numbers_.try_emplace(&*list, wire_.lists_size() + 1);
    if (is_new) codec::encode_map(sorted(*list), *wire_.add_lists()->mutable_texts());
    return number->second;
  }

 private:
  v1::ReadSweepReply& wire_;
  std::unordered_map<const report::TextList*, int> numbers_;
};

report::Shared<report::TextList> list_of(int number, std::string_view field, const Lists& lists,
                                         codec::WireReader& in) {
  if (number == 0) return {};
  if (number > 0 && number <= std::ssize(lists)) return lists[static_cast<size_t>(number - 1)];
  in.fail(field, cat("is list ", number, " of ", lists.size()));
  return {};
}

void encode_row(const report::TrialRow& trial, SharedLists& lists, v1::ReportedTrial& wire) {
  wire.set_trial(trial.trial.value());
  wire.set_variant(trial.variant);
  codec::encode_map(trial.labels, *wire.mutable_labels());
  wire.set_seed(trial.seed);
  wire.set_state(std::string(name(trial.state)));
  if (trial.end) wire.set_end(codec::encode_reason(*trial.end));
  wire.set_reason(trial.reason);
  wire.set_attempts(trial.attempts);
  wire.set_ranks(trial.ranks);
  wire.set_duration_s(trial.duration_s);
  wire.set_worker(trial.worker);
  wire.set_device(trial.device);
  wire.set_configuration(trial.configuration);
  wire.set_ended_before(trial.ended_before);
  codec::encode_map(sorted(trial.results), *wire.mutable_results());
  codec::encode_map(sorted(trial.own_facts), *wire.mutable_own_facts());
  wire.set_common_facts(lists.number_of(trial.common_facts));
  wire.set_initial(lists.number_of(trial.initial));
}

Result<report::TrialRow> decode_row(const v1::ReportedTrial& wire, const Lists& lists) {
  codec::WireReader in("ReportedTrial");
  report::TrialRow trial;
  trial.trial = TrialId(in.hash(wire.trial(), "trial").value());
  trial.variant = wire.variant();
  trial.labels = in.texts(wire.labels(), "labels");
  trial.seed = wire.seed();
  const auto state = parse_trial_state(wire.state());
  if (!state) in.fail("state", cat("is '", wire.state(), "', which this version does not know"));
  trial.state = state.value_or(TrialState::kFailed);
  trial.end = decode_end(wire.end(), in);
  trial.reason = wire.reason();
  trial.attempts = wire.attempts();
  trial.ranks = wire.ranks();
  trial.duration_s = wire.duration_s();
  trial.worker = wire.worker();
  trial.device = wire.device();
  trial.configuration = wire.configuration();
  trial.ended_before = wire.ended_before();
  trial.results = flat<report::Results>(in.numbers(wire.results(), "results"));
  trial.own_facts = flat<report::TextList>(in.texts(wire.own_facts(), "own_facts"));
  trial.common_facts = list_of(wire.common_facts(), "common_facts", lists, in);
  trial.initial = list_of(wire.initial(), "initial", lists, in);
  if (!in.status().ok()) return in.status();
  return trial;
}

}  // namespace

void encode(const report::SweepRow& sweep, v1::ReportedSweep& wire) {
  wire.set_id(sweep.id.value());
  wire.set_name(sweep.name);
  wire.set_question(sweep.question);
  wire.set_baseline(sweep.baseline);
  wire.set_metric(sweep.metric);
  wire.set_profile(sweep.profile);
  wire.set_margin(sweep.margin);
  wire.set_alpha(sweep.alpha);
  for (const uint64_t seed : sweep.seeds) wire.add_seeds(seed);
  for (const std::string& variant : sweep.variants) wire.add_variants(variant);
  for (const std::string& key : sweep.matrix_keys) wire.add_matrix_keys(key);
  wire.set_content(sweep.content);
  wire.set_submitted_us(to_us(sweep.submitted));
  wire.set_extends_earlier(sweep.extends_earlier);
}

report::SweepRow decode(const v1::ReportedSweep& wire) {
  report::SweepRow sweep;
  sweep.id = SweepId(wire.id());
  sweep.name = wire.name();
  sweep.question = wire.question();
  sweep.baseline = wire.baseline();
  sweep.metric = wire.metric();
  sweep.profile = wire.profile();
  sweep.margin = wire.margin();
  sweep.alpha = wire.alpha();
  sweep.seeds.assign(wire.seeds().begin(), wire.seeds().end());
  sweep.variants.assign(wire.variants().begin(), wire.variants().end());
  sweep.matrix_keys.assign(wire.matrix_keys().begin(), wire.matrix_keys().end());
  sweep.content = wire.content();
  sweep.submitted = wall_from_us(wire.submitted_us());
  sweep.extends_earlier = wire.extends_earlier();
  return sweep;
}

void encode(const std::vector<report::TrialRow>& trials, v1::ReadSweepReply& wire) {
  SharedLists lists(wire);
  for (const report::TrialRow& trial : trials) encode_row(trial, lists, *wire.add_trials());
}

Result<std::vector<report::TrialRow>> decode_rows(const v1::ReadSweepReply& wire) {
  codec::WireReader in("ReadSweepReply");
  Lists lists;
  for (const v1::TextList& list : wire.lists())
    lists.emplace_back(flat<report::TextList>(in.texts(list.texts(), "lists")));
  if (!in.status().ok()) return in.status();
  std::vector<report::TrialRow> rows;
  for (const v1::ReportedTrial& trial : wire.trials()) {
    auto row = decode_row(trial, lists);
    if (!row.ok()) return row.status();
    rows.push_back(*std::move(row));
  }
  return rows;
}

void encode(const report::TrainedAgain& again, v1::ReadSweepReply& wire) {
  for (const auto& [trial, by] : again) {
    v1::TrainedAgain& item = *wire.add_trained_again();
    item.set_trial(trial.value());
    item.set_by(by.value());
  }
}

Result<report::TrainedAgain> decode_trained_again(const v1::ReadSweepReply& wire) {
  codec::WireReader in("TrainedAgain");
  report::TrainedAgain again;
  for (const v1::TrainedAgain& item : wire.trained_again()) {
    again.emplace(in.hash(item.trial(), "trial").value(), item.by());
  }
  if (!in.status().ok()) return in.status();
  return again;
}

void encode(const report::TrialHistory& history, v1::TrialHistory& wire) {
  wire.set_trial(history.trial.value());
  for (const report::Curve& curve : history.curves) {
    auto& item = *wire.add_curves();
    item.set_name(curve.metric);
    encode_points(curve.points, item);
  }
  for (const report::NormCurve& curve : history.norms) {
    auto& item = *wire.add_curves();
    item.set_site(curve.site);
    item.set_name(curve.name);
    encode_points(curve.points, item);
  }
  for (const report::AttemptRow& attempt : history.attempts) {
    auto& item = *wire.add_attempts();
    item.set_number(attempt.number);
    item.set_assigned_us(to_us(attempt.assigned));
    if (attempt.running) item.set_running_us(to_us(*attempt.running));
    if (attempt.ended) item.set_ended_us(to_us(*attempt.ended));
    if (attempt.end) item.set_end(codec::encode_reason(*attempt.end));
    for (const std::string& worker : attempt.workers) item.add_workers(worker);
  }
}

Result<report::TrialHistory> decode(const v1::TrialHistory& wire) {
  codec::WireReader in("TrialHistory");
  report::TrialHistory history;
  history.trial = TrialId(in.hash(wire.trial(), "trial").value());
  for (const auto& item : wire.curves()) {
    if (item.site().empty()) {
      history.curves.push_back({item.name(), decode_points(item)});
    } else {
      history.norms.push_back({item.site(), item.name(), decode_points(item)});
    }
  }
  for (const auto& item : wire.attempts()) history.attempts.push_back(decode_attempt(item, in));
  if (!in.status().ok()) return in.status();
  return history;
}

}  // namespace autonorm::server
