#include "coordinator/engine/waiting_line.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

namespace autonorm::engine {
namespace {

QueueKey queue_key(const Core& core, const SweepEntry& entry, TrialKey key) {
  return {-(entry.record.priority + core.at(key).settings.priority), key};
}

Turn make_turn(const SweepEntry& entry, int64_t negative_priority) {
  return {negative_priority, entry.slots_in_use, entry.served, entry.record.id.value()};
}

// Keeps the lane's turn among all turns in step with the lane and its sweep.
void refresh_turn(Core& core, const SweepEntry& entry, const Shape& shape, Lane& lane) {
  std::optional<Turn> turn;
  if (!lane.trials.empty() && may_start(entry)) {
    turn = make_turn(entry, lane.trials.begin()->negative_priority);
  }
  if (turn == lane.turn) return;
  if (lane.turn) {
    auto& turns = core.turns.at(shape);
    turns.erase(*lane.turn);
    if (turns.empty()) core.turns.erase(shape);
  }
  if (turn) core.turns[shape].insert(*turn);
  if (turn && !lane.turn) core.schedule_due = true;
  lane.turn = turn;
}

// What no world could hold is in nobody's way: it must not take up the places of a sweep that has few.
bool fits_somewhere(const Core& core, const Shape& shape) {
  scheduler::Want want{.ranks = shape.ranks, .device = shape.device};
  want.never_hosts.assign(shape.no_data.begin(), shape.no_data.end());
  return core.capacity.smallest(want).has_value();
}

// Trials one after the other as turns fall to them, on the assumption that each starts. Sweeps are looked at one by
// one as their turn comes, so that many of them cost nothing.
class Line {
 public:
  Line(const Core& core, size_t free) : core_(core), free_(free) {
    for (const auto& [shape, turns] : core.turns) {
      if (fits_somewhere(core, shape)) introduce(shape, turns.begin());
    }
  }

  std::vector<TrialKey> take() {
    std::vector<TrialKey> line;
    while (!candidates_.empty()) {
      Candidate candidate = candidates_.top();
      candidates_.pop();
      if (candidate.turn != turn_of(candidate)) {  // its sweep has had a turn in another lane
        push(candidate);
        continue;
      }
      if (kind_is_full(candidate)) continue;
      if (auto next = std::exchange(candidate.introduces, std::nullopt)) introduce(*candidate.shape, *next);
      if (sweep_is_full(*candidate.entry)) continue;
      if (taken_.insert(candidate.trial->trial).second) {
        line.push_back(candidate.trial->trial);
        count(candidate);
      }
      if (++candidate.trial != candidate.entry->lanes.at(*candidate.shape).trials.end()) push(candidate);
    }
    return line;
  }

 private:
  using Turns = std::set<Turn>;
  struct Candidate {
    Turn turn;
    std::set<QueueKey>::const_iterator trial;
    const Shape* shape = nullptr;
    const SweepEntry* entry = nullptr;
    std::optional<Turns::const_iterator> introduces;  // the turn to be looked at once this one has come

    bool operator<(const Candidate& other) const {  // of a heap: the largest is the next
      return std::tie(other.turn, other.trial->trial) < std::tie(turn, trial->trial);
    }
  };
  // What the trials taken so far add to a sweep.
  struct Extra {
    int64_t slots = 0, trials = 0, served = 0;
  };

  void introduce(const Shape& shape, Turns::const_iterator turn) {
    const auto known = core_.turns.find(shape);
    if (turn == known->second.end()) return;
    const SweepEntry& entry = core_.sweeps.at(turn->sweep);
    push({.turn = {},
          .trial = entry.lanes.at(shape).trials.begin(),
          .shape = &known->first,
          .entry = &entry,
          .introduces = std::next(turn)});
  }
  void push(Candidate candidate) {
    candidate.turn = turn_of(candidate);
    candidates_.push(candidate);
  }
  Turn turn_of(const Candidate& candidate) {
    const Extra& extra = extra_[candidate.entry->record.id.value()];
    Turn turn = make_turn(*candidate.entry, candidate.trial->negative_priority);
    turn.share += extra.slots;
    turn.served = std::max(turn.served, extra.served);
    return turn;
  }
  bool kind_is_full(const Candidate& candidate) {
    return started_[candidate.shape] > free_ / static_cast<size_t>(candidate.shape->ranks);
  }
  bool sweep_is_full(const SweepEntry& entry) {
    const int64_t limit = entry.record.max_parallel;
    return limit > 0 && active_trials(entry) + extra_[entry.record.id.value()].trials >= limit;
  }
  void count(const Candidate& candidate) {
    ++started_[candidate.shape];
    const Trial& trial = core_.at(candidate.trial->trial);
    for (const int64_t sweep : trial.sweeps) {
      Extra& extra = extra_[sweep];
      extra.slots += trial.ranks;
      extra.served = core_.turns_taken + static_cast<int64_t>(taken_.size());
      ++extra.trials;
    }
  }

  const Core& core_;
  const size_t free_;
  std::priority_queue<Candidate> candidates_;
  std::unordered_map<int64_t, Extra> extra_;  // by sweep
  std::unordered_map<const Shape*, size_t> started_;
  std::unordered_set<TrialKey> taken_;
};

}  // namespace

Shape shape_of(const Trial& trial) {
  return {trial.ranks, trial.device, trial.misfortune ? trial.misfortune->no_data : std::set<std::string>{}};
}

int64_t active_trials(const SweepEntry& entry) {
  return entry.counts[static_cast<size_t>(TrialState::kAssigned)] +
         entry.counts[static_cast<size_t>(TrialState::kRunning)];
}

bool may_start(const SweepEntry& entry) {
  const SweepState state = entry.record.state;
  if (state != SweepState::kRunning && state != SweepState::kSubmitting) return false;
  return entry.record.max_parallel == 0 || active_trials(entry) < entry.record.max_parallel;
}

void update_queue(Core& core, TrialKey key) {
  const Trial& trial = core.at(key);
  const Shape shape = shape_of(trial);
  for (const int64_t id : trial.sweeps) {
    SweepEntry& entry = core.sweeps.at(id);
    if (trial.state == TrialState::kQueued && entry.record.state != SweepState::kCancelled) {
      Lane& lane = entry.lanes[shape];
      lane.trials.insert(queue_key(core, entry, key));
      refresh_turn(core, entry, shape, lane);
    } else if (const auto lane = entry.lanes.find(shape); lane != entry.lanes.end()) {
      lane->second.trials.erase(queue_key(core, entry, key));
      refresh_turn(core, entry, shape, lane->second);
      if (lane->second.trials.empty()) entry.lanes.erase(lane);
    }
  }
}

void refresh_turns(Core& core, SweepEntry& entry) {
  for (auto& [shape, lane] : entry.lanes) refresh_turn(core, entry, shape, lane);
}

std::vector<TrialKey> next_in_line(const Core& core, size_t free) { return Line(core, free).take(); }

}  // namespace autonorm::engine
