// Shared memory between a trainer and its worker agent, which carries the CPU collectives of a gang over MPI.
//
// One memfd segment and two eventfds per trainer process, made by the agent and inherited by the trainer (their numbers
// are on its command line). The trainer fills the request and `data`, sets state = kRequested, adds 1 to `request_fd`,
// and waits on `completion_fd`. The agent carries it out in place, sets `result` and state = kDone (release order),
// adds 1 to `completion_fd`. One request at a time. A payload larger than `kRelayDataBytes` is cut into chunks by the
// trainer; all ranks cut alike. all_reduce adds in rank order per element, so chunking does not change a bit of the
// sum. Abort (a lost peer, a Stop, a deadline): the agent sets result = kAborted or kTimedOut with text in `message`
// and completes; every later request of the attempt is completed so at once.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace autonorm::worker {

inline constexpr uint32_t kRelayMagic = 0x4e4f524d;
inline constexpr uint32_t kRelayVersion = 1;
inline constexpr size_t kRelayDataBytes = size_t{8} << 20;

enum class RelayOp : uint32_t {
  kAllReduceSum = 1,  // data: count elements in, the sum out
  kBroadcast = 2,     // data: count elements, in on `root`, out elsewhere
  kAllGather =
      3,  // data: count elements in; size·count out, in rank order (the trainer keeps size·count within the limit)
  kBarrier = 4,  // no data
};
constexpr const char* op_name(RelayOp op) {
  switch (op) {
    case RelayOp::kAllReduceSum:
      return "all_reduce";
    case RelayOp::kBroadcast:
      return "broadcast";
    case RelayOp::kAllGather:
      return "all_gather";
    case RelayOp::kBarrier:
      return "barrier";
  }
  return "unknown operation";
}
enum class RelayDtype : uint32_t { kFloat32 = 1, kFloat64 = 2, kBFloat16 = 3, kInt32 = 4, kInt64 = 5, kUInt8 = 6 };
enum class RelayState : uint32_t { kIdle = 0, kRequested = 1, kDone = 2 };
enum class RelayResult : uint32_t { kOk = 0, kAborted = 1, kTimedOut = 2, kUnsupported = 3 };

constexpr size_t element_bytes(RelayDtype dtype) {
  switch (dtype) {
    case RelayDtype::kFloat64:
    case RelayDtype::kInt64:
      return 8;
    case RelayDtype::kFloat32:
    case RelayDtype::kInt32:
      return 4;
    case RelayDtype::kBFloat16:
      return 2;
    case RelayDtype::kUInt8:
      return 1;
  }
  return 0;
}

struct RelaySegment {
  uint32_t magic = kRelayMagic;
  uint32_t version = kRelayVersion;
  std::atomic<RelayState> state{RelayState::kIdle};
  // request, written by the trainer
  RelayOp op{};
  RelayDtype dtype{};
  uint32_t root = 0;
  uint64_t count = 0;        // elements
  uint64_t sequence = 0;     // of this request within the attempt, from 1; equal on all ranks
  uint64_t deadline_ms = 0;  // 0 = the agent's default
  // answer, written by the agent
  RelayResult result{};
  char message[256] = {};
  alignas(64) std::byte data[kRelayDataBytes];
};
static_assert(std::atomic<RelayState>::is_always_lock_free);

}  // namespace autonorm::worker
