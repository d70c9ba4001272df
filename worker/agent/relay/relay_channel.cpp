#include "worker/agent/relay/relay_channel.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>

namespace autonorm::agent {

using worker::RelaySegment;
using worker::RelayState;

Result<std::shared_ptr<RelayChannel>> RelayChannel::create() {
  std::shared_ptr<RelayChannel> channel(new RelayChannel);
  channel->memory_.reset(memfd_create("autonorm-relay", MFD_CLOEXEC));
  if (!channel->memory_.valid()) return system_error("shared memory for a trainer's collectives", errno);
  if (ftruncate(channel->memory_.get(), sizeof(RelaySegment)) != 0) {
    return system_error("shared memory for a trainer's collectives", errno);
  }
  channel->request_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  channel->completion_.reset(eventfd(0, EFD_CLOEXEC));  // blocking: the trainer sleeps on it
  if (!channel->request_.valid() || !channel->completion_.valid()) return system_error("an eventfd", errno);
  void* memory = mmap(nullptr, sizeof(RelaySegment), PROT_READ | PROT_WRITE, MAP_SHARED, channel->memory_.get(), 0);
  if (memory == MAP_FAILED) return system_error("mapping a trainer's shared memory", errno);
  channel->segment_ = new (memory) RelaySegment;
  return channel;
}

RelayChannel::~RelayChannel() {
  if (segment_ != nullptr) munmap(segment_, sizeof(RelaySegment));
}

bool RelayChannel::take_request() {
  uint64_t count = 0;
  if (read(request_.get(), &count, sizeof(count)) != sizeof(count)) return false;
  return segment_->state.load(std::memory_order_acquire) == RelayState::kRequested;
}

void RelayChannel::complete() {
  segment_->state.store(RelayState::kDone, std::memory_order_release);
  // A counter that one request at a time raises by one cannot overflow, so this write neither fails nor blocks.
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(completion_.get(), &one, sizeof(one));
}

}  // namespace autonorm::agent
