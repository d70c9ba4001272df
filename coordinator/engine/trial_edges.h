// The states of a trial and the moves between them; engine and store allow no others.
//
//                 ┌──────────(2,12)───────────┐
//   waiting ─1→ queued ─3→ assigned ─4→ running ─7,8,9→ succeeded | diverged | stopped
//                 ↑ ←──5──────┘           │ │                │
//                 ├ ←──6──────────────────┘ └─10→ failed     │      any open state ─→ cancelled (13…16)
//                 ├ ←──17,18── failed | cancelled            │
//                 └ ←──21,22,23──────────────────────────────┘      a stage runs again: queued, assigned and running
//                                                                   ─→ waiting (27…29)
#pragma once
#include <algorithm>
#include <array>

#include "core/messages/trial_state.h"

namespace autonorm::engine {

struct TrialEdge {
  int number;
  TrialState from, to;
};

inline constexpr auto kTrialEdges = std::to_array<TrialEdge>({
    {1, TrialState::kWaiting, TrialState::kQueued},       // every stage has succeeded
    {2, TrialState::kWaiting, TrialState::kFailed},       // a stage did not succeed
    {3, TrialState::kQueued, TrialState::kAssigned},      // a whole gang was reserved
    {4, TrialState::kAssigned, TrialState::kRunning},     // every rank has joined
    {5, TrialState::kAssigned, TrialState::kQueued},      // the start failed, attempts left
    {6, TrialState::kRunning, TrialState::kQueued},       // gang lost or preempted, attempts left
    {7, TrialState::kRunning, TrialState::kSucceeded},    // rank 0 committed its result
    {8, TrialState::kRunning, TrialState::kDiverged},     // likewise, with a non-finite loss
    {9, TrialState::kRunning, TrialState::kStopped},      // an early-stopping rule ended it
    {10, TrialState::kRunning, TrialState::kFailed},      // no attempts left, or repeating cannot help
    {11, TrialState::kAssigned, TrialState::kFailed},     // likewise, while starting
    {12, TrialState::kQueued, TrialState::kFailed},       // no worker is left that could train it
    {13, TrialState::kWaiting, TrialState::kCancelled},   // no claim is left
    {14, TrialState::kQueued, TrialState::kCancelled},    //
    {15, TrialState::kAssigned, TrialState::kCancelled},  //
    {16, TrialState::kRunning, TrialState::kCancelled},   //
    {17, TrialState::kFailed, TrialState::kQueued},       // a new submission wants the cell
    {18, TrialState::kCancelled, TrialState::kQueued},    //
    {19, TrialState::kFailed, TrialState::kWaiting},      // likewise, and its stages run first
    {20, TrialState::kCancelled, TrialState::kWaiting},   //
    {21, TrialState::kSucceeded, TrialState::kQueued},    // submitted with --fresh, or a stage whose model is gone
    {22, TrialState::kDiverged, TrialState::kQueued},     //
    {23, TrialState::kStopped, TrialState::kQueued},      //
    {24, TrialState::kSucceeded, TrialState::kWaiting},   // likewise, and its stages run first
    {25, TrialState::kDiverged, TrialState::kWaiting},    //
    {26, TrialState::kStopped, TrialState::kWaiting},     //
    {27, TrialState::kQueued, TrialState::kWaiting},      // a stage that had succeeded runs again
    {28, TrialState::kAssigned, TrialState::kWaiting},    // likewise, and its attempt has ended
    {29, TrialState::kRunning, TrialState::kWaiting},     //
});

// The number of the edge; 0 = there is none.
constexpr int trial_edge(TrialState from, TrialState to) {
  const auto* edge = std::ranges::find_if(kTrialEdges, [=](TrialEdge e) { return e.from == from && e.to == to; });
  return edge == kTrialEdges.end() ? 0 : edge->number;
}
constexpr bool allowed(TrialState from, TrialState to) { return trial_edge(from, to) != 0; }

constexpr bool edges_are_numbered_in_order() {
  for (size_t i = 0; i < kTrialEdges.size(); ++i) {
    if (kTrialEdges[i].number != static_cast<int>(i) + 1) return false;
    if (trial_edge(kTrialEdges[i].from, kTrialEdges[i].to) != kTrialEdges[i].number) return false;  // no edge twice
  }
  return true;
}
// Every open state can be cancelled, and no edge leads from one finished state to another.
constexpr bool edges_respect_open_states() {
  for (const TrialState state :
       {TrialState::kWaiting, TrialState::kQueued, TrialState::kAssigned, TrialState::kRunning}) {
    if (!allowed(state, TrialState::kCancelled)) return false;
  }
  return std::ranges::none_of(kTrialEdges, [](TrialEdge e) { return !is_open(e.from) && !is_open(e.to); });
}
static_assert(edges_are_numbered_in_order());
static_assert(edges_respect_open_states());
static_assert(!allowed(TrialState::kSucceeded, TrialState::kRunning));
static_assert(!allowed(TrialState::kQueued, TrialState::kRunning));
static_assert(!allowed(TrialState::kAssigned, TrialState::kSucceeded));

// Open, or taken up again by a retry or a new submission: its newest checkpoint is of use.
constexpr bool may_train_again(TrialState s) {
  return is_open(s) || s == TrialState::kFailed || s == TrialState::kCancelled;
}

}  // namespace autonorm::engine
