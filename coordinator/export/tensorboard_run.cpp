#include "coordinator/export/tensorboard_run.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "coordinator/export/event_file.h"
#include "core/base/distinct_names.h"
#include "core/base/text.h"

namespace autonorm::exporting {
namespace {

struct StepRange {
  int64_t first = INT64_MAX, last = 0;
};

// When the steps of each attempt were made.
class StepTimes {
 public:
  explicit StepTimes(const report::TrialHistory& history) {
    const auto look = [&](const std::vector<report::CurvePoint>& points) {
      for (const report::CurvePoint& point : points) {
        StepRange& range = ranges_[point.attempt];
        range.first = std::min(range.first, point.step);
        range.last = std::max(range.last, point.step);
      }
    };
    for (const report::Curve& curve : history.curves) look(curve.points);
    for (const report::NormCurve& curve : history.norms) look(curve.points);
    for (const report::AttemptRow& attempt : history.attempts) attempts_[attempt.number] = &attempt;
  }

  double at(const report::CurvePoint& point) const {
    const auto attempt = attempts_.find(point.attempt);
    if (attempt == attempts_.end()) return 0;
    const double from = seconds_of(attempt->second->running.value_or(attempt->second->assigned));
    const double to = attempt->second->ended ? seconds_of(*attempt->second->ended) : from;
    const StepRange& range = ranges_.at(point.attempt);
    if (range.last <= range.first) return to;
    return from +
           (to - from) * static_cast<double>(point.step - range.first) / static_cast<double>(range.last - range.first);
  }
  static double seconds_of(WallTime time) { return static_cast<double>(to_us(time)) / 1e6; }

 private:
  std::map<int, StepRange> ranges_;
  std::map<int, const report::AttemptRow*> attempts_;
};

struct StepEvent {
  double time = 0;
  EventFile::Values values;
};

double begin_of(const report::TrialHistory& history) {
  return history.attempts.empty() ? 0 : StepTimes::seconds_of(history.attempts.front().assigned);
}

std::string path_word(const std::string& text) {
  std::string word;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("-_.,=+ ").find(c) != std::string_view::npos;
    word += plain && static_cast<unsigned char>(c) < 0x80 ? c : '_';
  }
  return word.empty() || word == "." || word == ".." ? "_" : word;
}

// Names that are words already keep them.
std::map<std::string, std::string> distinct_words(const std::set<std::string>& names) {
  std::vector<std::string> order(names.begin(), names.end());
  std::ranges::stable_partition(order, [](const std::string& name) { return path_word(name) == name; });
  std::vector<std::string> wanted;
  for (const std::string& name : order) wanted.push_back(path_word(name));
  const auto words = distinct_names(wanted);
  std::map<std::string, std::string> word_of;
  for (size_t i = 0; i < order.size(); ++i) word_of.emplace(order[i], words[i]);
  return word_of;
}

}  // namespace

RunFolders::RunFolders(const report::ReportData& data) : label_keys_(report::label_keys_of(data)) {
  std::set<std::string> variants, cells;
  for (const report::TrialRow& row : data.trials) {
    variants.insert(row.variant);
    cells.insert(report::cell_name(row.labels, label_keys_));
  }
  variants_ = distinct_words(variants);
  cells_ = distinct_words(cells);
}

std::string RunFolders::of(const report::TrialRow& row) const {
  return cat(variants_.at(row.variant), '/', cells_.at(report::cell_name(row.labels, label_keys_)), "/seed-", row.seed);
}

std::string event_file_name(const report::TrialRow& row, const report::TrialHistory& history) {
  return cat("events.out.tfevents.", static_cast<int64_t>(begin_of(history)), '.', short_form(row.trial));
}

std::string event_file_bytes(const report::TrialRow& row, const report::TrialHistory& history) {
  const StepTimes times(history);
  std::map<int64_t, StepEvent> events;
  for (const report::Curve& curve : history.curves) {
    for (const report::CurvePoint& point : curve.points) {
      StepEvent& event = events[point.step];
      event.time = std::max(event.time, times.at(point));
      if (std::isfinite(point.value)) event.values.scalars[curve.metric] = point.value;
    }
  }
  for (const report::NormCurve& curve : history.norms) {
    for (const report::CurvePoint& point : curve.points) {
      StepEvent& event = events[point.step];
      event.time = std::max(event.time, times.at(point));
      if (!std::isfinite(point.value)) continue;
      event.values.scalars[cat("norms/", curve.site, '/', curve.name)] = point.value;
      event.values.histograms[cat("norms over sites/", curve.name)].push_back(point.value);
    }
  }
  const int64_t last = events.empty() ? 0 : events.rbegin()->first;
  for (const auto& [metric, value] : row.results) {
    if (std::isfinite(value)) events[last].values.scalars["result/" + *metric] = value;
  }
  EventFile file(begin_of(history));
  for (const auto& [step, event] : events) file.add(event.time, step, event.values);
  return file.bytes();
}

}  // namespace autonorm::exporting
