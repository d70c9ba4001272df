#include "core/base/failpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <vector>

#include "core/base/durable_file.h"

namespace autonorm {
namespace {

constexpr std::array kFailpoints{
    FailpointRow{Failpoint::kCommitBefore, "coordinator.commit.before"},
    FailpointRow{Failpoint::kCommitAfter, "coordinator.commit.after"},
    FailpointRow{Failpoint::kAckBefore, "coordinator.ack.before"},
    FailpointRow{Failpoint::kReplyBefore, "coordinator.reply.before"},
    FailpointRow{Failpoint::kAnswerBefore, "coordinator.answer.before"},
    FailpointRow{Failpoint::kArtifactBefore, "coordinator.artifact.before"},
    FailpointRow{Failpoint::kArtifactAfter, "coordinator.artifact.after"},
    FailpointRow{Failpoint::kAttemptFolder, "worker.attempt.folder"},
    FailpointRow{Failpoint::kSpoolBefore, "worker.spool.before"},
    FailpointRow{Failpoint::kSpoolAfter, "worker.spool.after"},
    FailpointRow{Failpoint::kArtifactThere, "worker.artifact.there"},
    FailpointRow{Failpoint::kFetchBefore, "worker.fetch.before"},
    FailpointRow{Failpoint::kRetire, "worker.retire"},
    FailpointRow{Failpoint::kCheckpointBefore, "trainer.checkpoint.before"},
    FailpointRow{Failpoint::kCheckpointAfter, "trainer.checkpoint.after"},
    FailpointRow{Failpoint::kResultBefore, "trainer.result.before"},
};

// Process-wide by nature: it is about the process's death. Written once, before other threads start.
struct Plan {
  std::string file;
  std::atomic<int64_t> left = 0;  // passes until the death
};
Plan& plan() {
  static Plan instance;
  return instance;
}

}  // namespace

namespace failpoint_detail {

std::atomic<Failpoint> armed_failpoint = Failpoint::kNone;

void hit_failpoint() {
  if (plan().left.fetch_sub(1) != 1) return;
  armed_failpoint = Failpoint::kNone;
  const Fd file(::open(plan().file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.valid()) return;  // another process has died of it
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();  // the signal is on its way; nothing may happen after this point
}

}  // namespace failpoint_detail

std::span<const FailpointRow> failpoints() { return kFailpoints; }

Status arm_failpoint(std::string_view text) {
  if (text.empty()) return {};
  const size_t first = text.find(':');
  const size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
  if (second == text.npos || second + 1 == text.size())
    return invalid("AUTONORM_FAILPOINT is '", text, "'; it must be NAME:K:FILE");
  const std::string_view name = text.substr(0, first);
  const std::string_view number = text.substr(first + 1, second - first - 1);
  const auto row = std::ranges::find(kFailpoints, name, &FailpointRow::name);
  if (row == kFailpoints.end()) {
    std::vector<std::string> known;
    for (const FailpointRow& each : kFailpoints) known.emplace_back(each.name);
    return invalid("AUTONORM_FAILPOINT: there is no point '", name, "'; there are: ", join(known));
  }
  int64_t passes = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), passes);
  if (error != std::errc() || end != number.data() + number.size() || passes < 1)
    return invalid("AUTONORM_FAILPOINT: '", number, "' is not a number of passes, which is 1 or more");
  plan().file = text.substr(second + 1);
  plan().left = passes;
  failpoint_detail::armed_failpoint = row->point;
  return {};
}

}  // namespace autonorm
