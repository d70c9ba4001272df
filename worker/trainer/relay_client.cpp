#include "worker/trainer/relay_client.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace autonorm::trainer {

using worker::RelayDtype;
using worker::RelayOp;
using worker::RelayResult;
using worker::RelaySegment;
using worker::RelayState;

namespace {

// The agent's text, which need not end with a zero.
std::string message_of(const RelaySegment& segment) {
  return std::string(segment.message, strnlen(segment.message, sizeof segment.message));
}

}  // namespace

Result<std::unique_ptr<RelayClient>> RelayClient::attach(const RelayDescriptors& descriptors) {
  Fd memory(descriptors.segment), request(descriptors.request), completion(descriptors.completion);
  struct stat info {};
  if (fstat(memory.get(), &info) != 0) return system_error("relay: descriptor of the shared memory", errno);
  if (static_cast<size_t>(info.st_size) < sizeof(RelaySegment)) {
    return invalid("relay: expected shared memory of ", sizeof(RelaySegment), " bytes, found ", info.st_size);
  }
  void* mapped = mmap(nullptr, sizeof(RelaySegment), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return system_error("relay: mapping the shared memory", errno);
  auto* segment = static_cast<RelaySegment*>(mapped);
  std::unique_ptr<RelayClient> client(
      new RelayClient(segment, std::move(memory), std::move(request), std::move(completion)));
  if (segment->magic != worker::kRelayMagic || segment->version != worker::kRelayVersion) {
    return conflict("relay: the worker speaks version ", segment->version, ", this trainer ", worker::kRelayVersion,
                    "; build both from one version");
  }
  return client;
}

RelayClient::RelayClient(RelaySegment* segment, Fd memory, Fd request, Fd completion)
    : segment_(segment), memory_(std::move(memory)), request_(std::move(request)), completion_(std::move(completion)) {}

RelayClient::~RelayClient() { munmap(segment_, sizeof(RelaySegment)); }

void RelayClient::begin_attempt() { sequence_ = 0; }

Status RelayClient::all_reduce_sum(RelayDtype dtype, void* data, size_t count) {
  const size_t element = worker::element_bytes(dtype);
  const size_t step = worker::kRelayDataBytes / element;
  auto* bytes = static_cast<std::byte*>(data);
  for (size_t done = 0; done < count; done += step) {
    const size_t part = std::min(step, count - done);
    std::memcpy(segment_->data, bytes + done * element, part * element);
    AUTONORM_RETURN_IF_ERROR(perform(RelayOp::kAllReduceSum, dtype, part, 0));
    std::memcpy(bytes + done * element, segment_->data, part * element);
  }
  return {};
}

Status RelayClient::broadcast(RelayDtype dtype, void* data, size_t count, int root) {
  const size_t element = worker::element_bytes(dtype);
  const size_t step = worker::kRelayDataBytes / element;
  auto* bytes = static_cast<std::byte*>(data);
  for (size_t done = 0; done < count; done += step) {
    const size_t part = std::min(step, count - done);
    std::memcpy(segment_->data, bytes + done * element, part * element);
    AUTONORM_RETURN_IF_ERROR(perform(RelayOp::kBroadcast, dtype, part, root));
    std::memcpy(bytes + done * element, segment_->data, part * element);
  }
  return {};
}

Status RelayClient::all_gather(RelayDtype dtype, const void* data, size_t count, void* out, int size) {
  const size_t element = worker::element_bytes(dtype);
  const auto ranks = static_cast<size_t>(size);
  const size_t step = worker::kRelayDataBytes / element / ranks;
  const auto* bytes = static_cast<const std::byte*>(data);
  auto* target = static_cast<std::byte*>(out);
  for (size_t done = 0; done < count; done += step) {
    const size_t part = std::min(step, count - done);
    std::memcpy(segment_->data, bytes + done * element, part * element);
    AUTONORM_RETURN_IF_ERROR(perform(RelayOp::kAllGather, dtype, part, 0));
    for (size_t rank = 0; rank < ranks; ++rank) {
      std::memcpy(target + (rank * count + done) * element, segment_->data + rank * part * element, part * element);
    }
  }
  return {};
}

Status RelayClient::barrier() { return perform(RelayOp::kBarrier, RelayDtype::kUInt8, 0, 0); }

Status RelayClient::perform(RelayOp op, RelayDtype dtype, size_t count, int root) {
  segment_->op = op;
  segment_->dtype = dtype;
  segment_->root = static_cast<uint32_t>(root);
  segment_->count = count;
  segment_->sequence = ++sequence_;
  segment_->deadline_ms = static_cast<uint64_t>(deadline_.count());
  segment_->state.store(RelayState::kRequested, std::memory_order_release);
  const uint64_t one = 1;
  if (write(request_.get(), &one, sizeof one) != sizeof one) return system_error("relay: waking the worker", errno);
  AUTONORM_RETURN_IF_ERROR(wait_for_completion());
  const RelayResult result = segment_->result;
  segment_->state.store(RelayState::kIdle, std::memory_order_relaxed);
  const std::string what = cat(worker::op_name(op), " ", sequence_, " of ", count, " elements");
  switch (result) {
    case RelayResult::kOk:
      return {};
    case RelayResult::kAborted:
      return unavailable(what, " was aborted: ", message_of(*segment_));
    case RelayResult::kTimedOut:
      return unavailable(what, " timed out: ", message_of(*segment_));
    case RelayResult::kUnsupported:
      return internal(what, " is not supported by the worker: ", message_of(*segment_));
  }
  return internal(what, ": the worker gave an unknown answer ", static_cast<uint32_t>(result));
}

// A count may be left over from a request that an earlier attempt gave up; only the state says that this one is done.
Status RelayClient::wait_for_completion() {
  while (segment_->state.load(std::memory_order_acquire) != RelayState::kDone) {
    pollfd waiting{completion_.get(), POLLIN, 0};
    if (poll(&waiting, 1, -1) < 0 && errno != EINTR) return system_error("relay: waiting for the worker", errno);
    uint64_t count = 0;
    if ((waiting.revents & POLLIN) != 0 && read(completion_.get(), &count, sizeof count) < 0 && errno != EINTR &&
        errno != EAGAIN) {
      return system_error("relay: reading the completion", errno);
    }
  }
  return {};
}

}  // namespace autonorm::trainer
