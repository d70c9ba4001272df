#include "coordinator/cli/follow.h"

#include <algorithm>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/progress.h"
#include "coordinator/cli/view_text.h"

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

}  // namespace

Result<engine::SweepView> follow(ControlClient& client, const std::string& sweep, int stop_fd, Environment& environment,
                                 const std::function<bool()>& go_on) {
  Progress progress;
  Painter painter(environment.out);
  std::optional<engine::SweepView> last;
  const Status status = client.watch(sweep, stop_fd, [&](const WatchView& view) {
    const SteadyTime now = environment.clock.now().steady;
    if (environment.live) {
      painter.draw(progress.screen(view, now, static_cast<size_t>(std::max(20, environment.width)), kTrialsOnScreen));
    } else {
      for (const auto& line : progress.news(view, now)) environment.out << line << std::endl;
    }
    last = view.sweep;
    return go_on();
  });
  if (!status.ok()) return status;
  if (!last) return unavailable("stopped before the first news of the sweep came");
  return *std::move(last);
}

int exit_code_of(const engine::SweepView& sweep) {
  return sweep.state == "done" && failed_trials(sweep) == 0 ? kOk : kFailed;
}

}  // namespace autonorm::cli
