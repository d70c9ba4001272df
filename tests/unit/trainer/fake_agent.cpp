#include "tests/unit/trainer/fake_agent.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "core/base/status.h"

namespace autonorm::trainer {

using worker::RelayDtype;
using worker::RelayOp;
using worker::RelayResult;
using worker::RelaySegment;
using worker::RelayState;

namespace {

void raise(const Fd& fd) {
  const uint64_t one = 1;
  AUTONORM_CHECK(write(fd.get(), &one, sizeof one) == sizeof one, "eventfd");
}

template <class T>
void sum_into(std::byte* target, const std::byte* source, size_t count) {
  auto* sums = reinterpret_cast<T*>(target);
  const auto* values = reinterpret_cast<const T*>(source);
  for (size_t i = 0; i < count; ++i) sums[i] += values[i];
}

void sum_into(RelayDtype dtype, std::byte* target, const std::byte* source, size_t count) {
  switch (dtype) {
    case RelayDtype::kFloat32:
      return sum_into<float>(target, source, count);
    case RelayDtype::kFloat64:
      return sum_into<double>(target, source, count);
    case RelayDtype::kInt32:
      return sum_into<int32_t>(target, source, count);
    case RelayDtype::kInt64:
      return sum_into<int64_t>(target, source, count);
    case RelayDtype::kUInt8:
      return sum_into<uint8_t>(target, source, count);
    case RelayDtype::kBFloat16:
      AUTONORM_CHECK(false, "the fake agent does not add bfloat16");
  }
}

}  // namespace

FakeAgent::FakeAgent(int size) : wake_(eventfd(0, EFD_CLOEXEC)) {
  for (int rank = 0; rank < size; ++rank) {
    Channel channel;
    channel.memory.reset(memfd_create("relay", MFD_CLOEXEC));
    AUTONORM_CHECK(ftruncate(channel.memory.get(), sizeof(RelaySegment)) == 0, "memfd");
    channel.request.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    channel.completion.reset(eventfd(0, EFD_CLOEXEC));
    void* memory = mmap(nullptr, sizeof(RelaySegment), PROT_READ | PROT_WRITE, MAP_SHARED, channel.memory.get(), 0);
    channel.segment = new (memory) RelaySegment;
    channels_.push_back(std::move(channel));
  }
  thread_ = std::thread([this] { run(); });
}

FakeAgent::~FakeAgent() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  raise(wake_);
  thread_.join();
  for (Channel& channel : channels_) munmap(channel.segment, sizeof(RelaySegment));
}

RelayDescriptors FakeAgent::descriptors(int rank) const {
  const Channel& channel = channels_[static_cast<size_t>(rank)];
  return {dup(channel.memory.get()), dup(channel.request.get()), dup(channel.completion.get())};
}

void FakeAgent::fail(RelayResult result, const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = result;
    message_ = message;
  }
  raise(wake_);
}

void FakeAgent::run() {
  while (true) {
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
    for (const Channel& channel : channels_) fds.push_back({channel.request.get(), POLLIN, 0});
    poll(fds.data(), fds.size(), -1);
    for (const pollfd& fd : fds) {
      uint64_t count = 0;
      if (fd.revents != 0) AUTONORM_CHECK(read(fd.fd, &count, sizeof count) == sizeof count, "eventfd");
    }
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    serve();
  }
}

void FakeAgent::serve() {
  const auto waits = [](const Channel& channel) { return channel.segment->state.load() == RelayState::kRequested; };
  if (failure_ != RelayResult::kOk) {
    for (Channel& channel : channels_) {
      if (!waits(channel)) continue;
      channel.segment->result = failure_;
      auto& field = channel.segment->message;
      std::ranges::fill(field, '\0');
      std::memcpy(field, message_.data(), std::min(message_.size(), sizeof field));
      complete(channel);
    }
  } else if (std::ranges::all_of(channels_, waits)) {
    carry_out();
    ++served_;  // before anybody may ask
    for (Channel& channel : channels_) {
      channel.segment->result = RelayResult::kOk;
      complete(channel);
    }
  }
}

void FakeAgent::complete(Channel& channel) {
  channel.segment->state.store(RelayState::kDone);
  raise(channel.completion);
}

void FakeAgent::carry_out() {
  const RelaySegment& first = *channels_[0].segment;
  const size_t bytes = first.count * worker::element_bytes(first.dtype);
  std::vector<std::vector<std::byte>> inputs;
  for (const Channel& channel : channels_) {
    const RelaySegment& other = *channel.segment;
    AUTONORM_CHECK(other.op == first.op && other.count == first.count && other.sequence == first.sequence,
                   "the ranks disagree");
    inputs.emplace_back(other.data, other.data + bytes);
  }
  std::vector<std::byte> result;
  if (first.op == RelayOp::kAllReduceSum) {
    result = inputs[0];
    for (size_t rank = 1; rank < inputs.size(); ++rank)
      sum_into(first.dtype, result.data(), inputs[rank].data(), first.count);
  } else if (first.op == RelayOp::kBroadcast) {
    result = inputs[first.root];
  } else if (first.op == RelayOp::kAllGather) {
    for (const auto& input : inputs) result.insert(result.end(), input.begin(), input.end());
  }
  for (const Channel& channel : channels_) std::ranges::copy(result, channel.segment->data);
}

}  // namespace autonorm::trainer
