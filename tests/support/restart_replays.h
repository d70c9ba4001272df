// A story told again and again, each time with a coordinator that dies (kill -9) at another of its events: before the
// event's messages go out, or after them. It starts again from its rows, the workers that were connected come back, and
// the story goes on. In the end everybody works until nothing moves any more.
//
// Checked: the invariants after every event; right after the restart the rows say what the dead engine knew; nothing
// that was acknowledged is lost; the stored results are those that were sent; and the end is that of the story without
// a crash.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace autonorm::testing {

class FakeCluster;
struct ClusterOptions;

enum class Death { kBeforeCommit, kBeforeSending, kAfterSending };
struct CrashPoint {
  int64_t event = 0;  // FakeCluster::events() then
  Death death{};
};
using ReplayStep = std::function<void(FakeCluster&)>;

// Findings are failures of the current test. `events`: how many the story has.
void replay_with_restarts(const std::vector<ReplayStep>& script, const ClusterOptions& options, int64_t events);

}  // namespace autonorm::testing
