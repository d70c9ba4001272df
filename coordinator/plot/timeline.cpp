// Which worker did what when: the attempts of the sweep's trials as bars, one lane per worker, coloured by their end.
#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/plot/chart.h"
#include "coordinator/plot/kinds.h"
#include "coordinator/plot/series.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

struct Bar {
  std::string worker, trial, variant, outcome;
  int attempt = 0, rank = 0;
  double from = 0, to = 0;  // seconds since the first
};

struct Outcome {
  const char* name;
  size_t style;
  int pattern;  // tells them apart in print
};
// In the order of the key.
constexpr Outcome kOutcomes[] = {{"completed", 1, 3}, {"diverged", 5, 2},  {"preempted or lost", 6, 1},
                                 {"failed", 2, 7},    {"cancelled", 4, 4}, {"goes on", 3, 0}};

const char* outcome_of(const report::AttemptRow& attempt) {
  if (!attempt.end) return "goes on";
  switch (*attempt.end) {
    case EndReason::kCompleted:
      return "completed";
    case EndReason::kDiverged:
      return "diverged";
    case EndReason::kPreempted:
    case EndReason::kWorkerLost:
    case EndReason::kCollectiveAborted:
      return "preempted or lost";
    case EndReason::kCancelled:
      return "cancelled";
    case EndReason::kBadConfig:
    case EndReason::kDataCorrupt:
    case EndReason::kDataMissing:
    case EndReason::kTimeout:
    case EndReason::kHostOom:
    case EndReason::kDeviceOom:
    case EndReason::kTrainerCrashed:
    case EndReason::kStalled:
    case EndReason::kParent:
      return "failed";
  }
  return "failed";
}

double seconds(WallTime time) { return static_cast<double>(to_us(time)) / 1e6; }

// An attempt that goes on is drawn to the last thing that is known.
std::vector<Bar> bars_of(const PlotInput& input) {
  std::vector<Bar> bars;
  double first = HUGE_VAL, last = 0;
  std::set<TrialId> seen;
  for (const report::TrialRow& row : input.data.trials) {
    const auto history = input.histories.find(row.trial);
    if (history == input.histories.end() || !seen.insert(row.trial).second) continue;
    for (const report::AttemptRow& attempt : history->second.attempts) {
      const double from = seconds(attempt.running.value_or(attempt.assigned));
      const double to = attempt.ended ? seconds(*attempt.ended) : HUGE_VAL;
      first = std::min(first, from);
      last = std::max(last, attempt.ended ? to : from);
      for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
        bars.push_back({attempt.workers[rank], short_form(row.trial), row.variant, outcome_of(attempt), attempt.number,
                        static_cast<int>(rank), from, to});
      }
    }
  }
  for (Bar& bar : bars) {
    bar.to = std::max(bar.from, std::min(bar.to, last)) - first;
    bar.from -= first;
  }
  return bars;
}

void add_bar_row(DataRows& rows, const Bar& bar) {
  rows.begin();
  rows.add("worker", bar.worker);
  rows.add("trial", bar.trial);
  rows.add("variant", bar.variant);
  rows.add("attempt", report::TidyValue(int64_t{bar.attempt}));
  rows.add("rank", report::TidyValue(int64_t{bar.rank}));
  rows.add("from_s", std::optional(bar.from));
  rows.add("to_s", std::optional(bar.to));
  rows.add("outcome", bar.outcome);
}

constexpr size_t kShownOfWorker = 12;  // ids are 32 digits; as many as `coordinator workers` needs

struct TimeUnit {
  const char* name;
  double seconds;
};

TimeUnit unit_of(double longest) {
  if (longest > 3 * 86400) return {"days", 86400};
  if (longest > 3 * 3600) return {"hours", 3600};
  if (longest > 3 * 60) return {"minutes", 60};
  return {"seconds", 1};
}

// One line of the picture per worker, the first by name on top.
class Lanes {
 public:
  explicit Lanes(const std::vector<Bar>& bars) {
    std::set<std::string> names;
    for (const Bar& bar : bars) names.insert(bar.worker);
    workers_.assign(names.begin(), names.end());
  }
  size_t count() const { return workers_.size(); }
  size_t of(const std::string& worker) const {
    return workers_.size() - static_cast<size_t>(std::ranges::lower_bound(workers_, worker) - workers_.begin());
  }
  void draw(Chart& chart) const {
    std::vector<std::string> ticks;
    for (const std::string& worker : workers_)
      ticks.push_back(cat(quoted_label(worker.substr(0, kShownOfWorker)), ' ', of(worker)));
    chart.command("set grid x noy");
    chart.command("set autoscale xfix");
    chart.command(cat("set yrange [0.4:", count(), ".6]"));
    chart.command(cat("set ytics noenhanced (", join(ticks), ") scale 0"));
  }

 private:
  std::vector<std::string> workers_;  // sorted
};

// A bar narrower than this share of all time would be nothing but its frame.
constexpr double kFramed = 0.005;

std::string box(const Bar& bar, double y, const TimeUnit& unit) {
  return cat(number((bar.from + bar.to) / 2 / unit.seconds), ' ', y, ' ', number(bar.from / unit.seconds), ' ',
             number(bar.to / unit.seconds), ' ', y - 0.36, ' ', y + 0.36);
}

// The bars of the attempts that ended so. `all`: time from the first to the last, in seconds.
void draw_outcome(Chart& chart, const Outcome& outcome, const std::vector<Bar>& bars, const Lanes& lanes,
                  const TimeUnit& unit, double all) {
  std::vector<std::string> framed, narrow;
  for (const Bar& bar : bars) {
    if (bar.outcome != outcome.name) continue;
    (bar.to - bar.from < kFramed * all ? narrow : framed)
        .push_back(box(bar, static_cast<double>(lanes.of(bar.worker)), unit));
  }
  const std::string fill = cat(" using 1:2:3:4:5:6 with boxxyerror lc rgb '", colour(outcome.style),
                               "' lw 0.6 fs pattern ", outcome.pattern);
  const std::string title = " title " + quoted(outcome.name);
  if (!narrow.empty()) {
    chart.draw(cat(chart.block(narrow), fill, " border rgb '", colour(outcome.style), "'",
                   framed.empty() ? title : " notitle"));
  }
  if (!framed.empty()) chart.draw(cat(chart.block(framed), fill, " border rgb '#222222'", title));
}

std::vector<Figure> draw_timeline(const PlotInput& input) {
  const std::vector<Bar> bars = bars_of(input);
  if (bars.empty()) return {};
  const Lanes lanes(bars);
  const double all = std::ranges::max(bars, {}, &Bar::to).to;
  const TimeUnit unit = unit_of(all);
  Figure figure;
  figure.name = "timeline";
  figure.title = "attempts on workers, coloured by how they ended; a gang has a bar on each of its workers";
  figure.height = 160 + 26 * static_cast<int>(lanes.count());
  Chart chart("attempts on workers", cat(unit.name, " since the first began"), "");
  add_subtitles(chart, "a bar is an attempt, coloured by how it ended; a gang has a bar on each of its workers", input);
  lanes.draw(chart);
  DataRows rows;
  for (const Bar& bar : bars) add_bar_row(rows, bar);
  for (const Outcome& outcome : kOutcomes) draw_outcome(chart, outcome, bars, lanes, unit, all);
  figure.data = rows.take();
  figure.script = chart.script();
  return {figure};
}

}  // namespace

const PlotKind kTimeline = {"timeline", "attempts on workers over time, by how they ended", true,
                            "no attempt has begun", draw_timeline};

}  // namespace autonorm::plot
