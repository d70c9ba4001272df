// Keeps a session with the coordinator, for ever: connects, greets, waits for the welcome, beats, and after a loss
// tries again with growing pauses. Main loop only.
#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "core/base/clock.h"
#include "worker/agent/delivery/coordinator_link.h"

namespace autonorm::agent {

class SessionKeeper {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{200};
  static constexpr std::chrono::milliseconds kLongestPause{3000};
  static constexpr std::chrono::milliseconds kWelcomeTimeout{15'000};
  static constexpr std::chrono::seconds kReminder{60};  // between two complaints about an absent coordinator

  // `address` is for messages. `spread` in [0, 1) varies the pauses, so that many workers do not come back at one
  // moment.
  SessionKeeper(CoordinatorLink& link, std::string address, double spread);

  // Connects when it is time to; gives up a greeting without an answer.
  void step(SteadyTime now, const std::function<fleet::Hello()>& hello);
  void welcomed(const fleet::Welcome& welcome, SteadyTime now);
  void ended(const Status& why, SteadyTime now);
  // An end of the session is from now on expected.
  void leaving() { leaving_ = true; }
  bool open() const { return state_ == State::kOpen; }
  // True once per heartbeat interval while open.
  bool heartbeat_due(SteadyTime now);

 private:
  enum class State { kClosed, kGreeting, kOpen };

  CoordinatorLink& link_;
  const std::string address_;
  const double spread_;
  State state_ = State::kClosed;
  SteadyTime next_{};  // try, give up, or beat: by state
  std::chrono::milliseconds pause_ = kFirstPause;
  std::chrono::milliseconds heartbeat_{2000};
  bool was_open_ = false, leaving_ = false;
  SteadyTime remind_{};
};

}  // namespace autonorm::agent
