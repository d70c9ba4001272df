#include "coordinator/cli/follow.h"

#include <algorithm>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/progress.h"
#include "coordinator/cli/reconnecting.h"
#include "coordinator/cli/view_text.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

constexpr size_t kTrialsOnScreen = 16;

// Draws lines over the ones drawn before.
class Painter {
 public:
  explicit Painter(std::ostream& out) : out_(out) {}
  void draw(const std::vector<std::string>& lines) {
    if (drawn_ > 0) out_ << "\x1b[" << drawn_ << "A";                   // up to the first line
    for (const auto& line : lines) out_ << "\r" << line << "\x1b[K\n";  // and clear what was longer
    out_ << "\x1b[J" << std::flush;                                     // and the lines that are gone
    drawn_ = lines.size();
  }

 private:
  std::ostream& out_;
  size_t drawn_ = 0;
};

// What was shown of a sweep, over all connections.
class Shown {
 public:
  explicit Shown(Environment& environment) : environment_(environment), painter_(environment.out) {}
  void update(const WatchView& view) {
    const SteadyTime now = environment_.clock.now().steady;
    if (environment_.live) {
      const auto width = static_cast<size_t>(std::max(20, environment_.width));
      painter_.draw(progress_.screen(view, now, width, kTrialsOnScreen));
    } else {
      for (const auto& line : progress_.news(view, now)) environment_.out << line << std::endl;
    }
    last_ = view.sweep;
  }
  const std::optional<engine::SweepView>& last() const { return last_; }
  Result<engine::SweepView> outcome(const Status& status) const {
    if (!status.ok()) return status;
    if (!last_) return unavailable("stopped before the first news of the sweep came");
    return *last_;
  }

 private:
  Environment& environment_;
  Progress progress_;
  Painter painter_;
  std::optional<engine::SweepView> last_;
};

}  // namespace

Result<engine::SweepView> follow(ControlClient& client, const std::string& sweep, int stop_fd, Environment& environment,
                                 const std::function<bool()>& go_on) {
  Shown shown(environment);
  const Status status = client.watch(sweep, stop_fd, [&](const WatchView& view) {
    shown.update(view);
    return go_on();
  });
  return shown.outcome(status);
}

Result<engine::SweepView> follow_over_restarts(const std::string& coordinator, const std::string& sweep,
                                               Environment& environment) {
  Shown shown(environment);
  const auto stream = [&](ControlClient& client, const std::function<void()>& heard) {
    const std::string same = shown.last() ? cat(shown.last()->id) : sweep;  // should a newer one come meanwhile
    return client.watch(same, -1, [&](const WatchView& view) {
      heard();
      shown.update(view);
      return true;
    });
  };
  return shown.outcome(with_reconnects(coordinator, environment, stream));
}

int exit_code_of(const engine::SweepView& sweep) {
  return sweep.state == "done" && failed_trials(sweep) == 0 ? kOk : kFailed;
}

}  // namespace autonorm::cli
