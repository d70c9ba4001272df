#include "worker/agent/delivery/session_keeper.h"

#include <algorithm>

#include "core/base/log.h"

namespace autonorm::agent {

SessionKeeper::SessionKeeper(CoordinatorLink& link, std::string address, double spread)
    : link_(link), address_(std::move(address)), spread_(spread) {}

void SessionKeeper::step(SteadyTime now, const std::function<fleet::Hello()>& hello) {
  if (state_ == State::kGreeting && now >= next_) {
    link_.disconnect();
    ended(unavailable("no answer to the greeting within ", kWelcomeTimeout.count() / 1000, " s"), now);
  }
  if (state_ != State::kClosed || now < next_) return;
  link_.connect(hello());
  state_ = State::kGreeting;
  next_ = now + kWelcomeTimeout;
}

void SessionKeeper::welcomed(const fleet::Welcome& welcome, SteadyTime now) {
  log_info(was_open_ ? "back with" : "connected to", " the coordinator at ", address_, " (", welcome.coordinator_build,
           ")");
  state_ = State::kOpen;
  was_open_ = true;
  pause_ = kFirstPause;
  heartbeat_ = std::max(welcome.heartbeat, std::chrono::milliseconds(50));
  next_ = now;
  remind_ = {};
}

void SessionKeeper::ended(const Status& why, SteadyTime now) {
  const bool lost = state_ == State::kOpen;
  state_ = State::kClosed;
  next_ = now +
          std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(pause_.count()) * (0.75 + 0.5 * spread_)));
  pause_ = std::min(pause_ * 2, kLongestPause);
  if (leaving_ || (!lost && now < remind_)) return;
  remind_ = now + kReminder;
  if (lost) {
    log_warning("lost the coordinator at ", address_, why.ok() ? "" : ": ", why.message(),
                "; training goes on, and everything is delivered when it is back");
  } else {
    log_warning("no coordinator answers at ", address_, " (", why.message(),
                "); trying until one does. Start one with: coordinator serve --listen ", address_);
  }
}

bool SessionKeeper::heartbeat_due(SteadyTime now) {
  if (state_ != State::kOpen || now < next_) return false;
  next_ = now + heartbeat_;
  return true;
}

}  // namespace autonorm::agent
