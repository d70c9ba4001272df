// Run by mpirun with 2 or more ranks: the relay's service, shared segment and eventfds over real MPI. The main thread
// plays the trainer. Prints what it measured; leaves with 1 at the first wrong answer.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "worker/agent/relay/mpi_world.h"
#include "worker/agent/relay/relay_service.h"

namespace autonorm::agent {
namespace {

using worker::RelayDtype;
using worker::RelayOp;
using worker::RelayResult;
using Seconds = std::chrono::duration<double>;

// Not assert(): the checks are part of every build type. Leaves without MPI_Finalize, so that mpirun ends the other
// ranks too.
void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::cerr << "FAILED: " << what << std::endl;
  std::_Exit(1);
}

class Trainer {
 public:
  Trainer(RelayService& service, const WorldFacts& world)
      : service_(service), world_(world), channel_(*RelayChannel::create()) {}

  void open(int tag) {
    GangLayout layout{.rank = world_.rank, .mpi_ranks = {}, .tag = tag};
    for (int rank = 0; rank < world_.size; ++rank) layout.mpi_ranks.push_back(rank);
    sequence_ = 0;
    service_.open(std::move(layout), channel_);
  }

  RelayResult call(RelayOp op, RelayDtype dtype, uint64_t count, uint64_t deadline_ms = 20'000) {
    begin(op, dtype, count, deadline_ms);
    return finish();
  }
  void begin(RelayOp op, RelayDtype dtype, uint64_t count, uint64_t deadline_ms) {
    worker::RelaySegment& segment = channel_->segment();
    segment.op = op;
    segment.dtype = dtype;
    segment.count = count;
    segment.root = 0;
    segment.sequence = ++sequence_;
    segment.deadline_ms = deadline_ms;
    segment.state.store(worker::RelayState::kRequested, std::memory_order_release);
    const uint64_t one = 1;
    expect(write(channel_->request_fd(), &one, sizeof(one)) == sizeof(one), "the request eventfd takes a request");
  }
  RelayResult finish() {
    pollfd fd{channel_->completion_fd(), POLLIN, 0};
    expect(poll(&fd, 1, 60'000) == 1, "a request is completed within a minute");
    uint64_t count = 0;
    expect(read(channel_->completion_fd(), &count, sizeof(count)) == sizeof(count) && count == 1,
           "one completion per request");
    return channel_->segment().result;
  }

  void must(RelayResult result) const { expect(result == RelayResult::kOk, channel_->segment().message); }

  template <class T>
  T* data() {
    return reinterpret_cast<T*>(channel_->segment().data);
  }

 private:
  RelayService& service_;
  const WorldFacts& world_;
  std::shared_ptr<RelayChannel> channel_;
  uint64_t sequence_ = 0;
};

float value(int rank, size_t i) {
  return std::sin(static_cast<float>(i * 7 + 1)) * std::pow(10.0F, static_cast<float>(rank));
}

void check_sums(Trainer& trainer, const WorldFacts& world) {
  for (const size_t count : {size_t{1}, size_t{1000}, size_t{5000}, size_t{100'003}, worker::kRelayDataBytes / 4}) {
    for (size_t i = 0; i < count; ++i) trainer.data<float>()[i] = value(world.rank, i);
    trainer.must(trainer.call(RelayOp::kAllReduceSum, RelayDtype::kFloat32, count));
    for (size_t i = 0; i < count; ++i) {
      float sum = value(0, i);
      for (int rank = 1; rank < world.size; ++rank) sum += value(rank, i);
      expect(trainer.data<float>()[i] == sum, cat("element ", i, " of ", count));
    }
  }
}

void measure(Trainer& trainer, const WorldFacts& world) {
  const auto time = [&](int repetitions, uint64_t count) {
    trainer.must(trainer.call(RelayOp::kBarrier, RelayDtype::kUInt8, 0));
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < repetitions; ++i) {
      trainer.must(trainer.call(RelayOp::kAllReduceSum, RelayDtype::kFloat32, count));
    }
    return Seconds(std::chrono::steady_clock::now() - begin).count() / repetitions * 1000;
  };
  const double small = time(200, 256);
  const double large = time(5, worker::kRelayDataBytes / 4);
  if (world.rank == 0)
    std::cout << world.size << " ranks: all_reduce of 1 KiB " << small << " ms, of 8 MiB " << large << " ms"
              << std::endl;
}

// Every rank but the last waits in a barrier that the last one never enters: it leaves instead.
void check_abort(RelayService& service, Trainer& trainer, const WorldFacts& world, int tag) {
  trainer.open(tag);
  if (world.rank == world.size - 1) {
    service.abort(tag, "as planned");
  } else {
    expect(trainer.call(RelayOp::kBarrier, RelayDtype::kUInt8, 0) == RelayResult::kAborted,
           "an abort reaches the other ranks");
  }
  expect(trainer.call(RelayOp::kBarrier, RelayDtype::kUInt8, 0) == RelayResult::kAborted, "a left gang stays left");
  service.close(tag);
}

// Rank 0 waits in a barrier of gang `tag` to which the others come only once its deadline has passed; gang `tag` + 1
// tells them.
void check_deadline(RelayService& service, Trainer& trainer, const WorldFacts& world, int tag) {
  if (world.rank == 0) {
    trainer.open(tag);
    expect(trainer.call(RelayOp::kBarrier, RelayDtype::kUInt8, 0, 50) == RelayResult::kTimedOut,
           "a deadline ends a barrier");
    service.close(tag);
  }
  trainer.open(tag + 1);
  trainer.must(trainer.call(RelayOp::kBarrier, RelayDtype::kUInt8, 0));
  service.close(tag + 1);
  if (world.rank != 0) {
    trainer.open(tag);
    service.close(tag);
  }
}

int run() {
  auto mpi = MpiWorld::start("test world", false);
  expect(mpi.ok(), mpi.status().message());
  const WorldFacts& world = (*mpi)->facts();
  expect(world.size >= 2, "start this with mpirun -np 2 or more");
  expect(world.id == "test world" && world.local_size == world.size, "every rank knows its world");
  const SystemClock clock;
  {
    RelayService service([&] { return (*mpi)->make_fabric(); }, clock);
    Trainer trainer(service, world);
    trainer.open(1);
    check_sums(trainer, world);
    measure(trainer, world);
    service.close(1);
    // Attempts that end badly, each followed at once by the next with the same members.
    for (int round = 0; round < 20; ++round) {
      check_abort(service, trainer, world, 4 * round + 2);
      check_deadline(service, trainer, world, 4 * round + 3);
      trainer.open(4 * round + 5);
      trainer.data<int32_t>()[0] = world.rank + round;
      trainer.must(trainer.call(RelayOp::kAllReduceSum, RelayDtype::kInt32, 1));
      expect(trainer.data<int32_t>()[0] == world.size * (world.size - 1) / 2 + world.size * round,
             "no crosstalk between attempts");
      service.close(4 * round + 5);
    }
  }
  if (world.rank == 0) std::cout << "20 aborts, 20 deadlines, no crosstalk" << std::endl;
  return 0;
}

}  // namespace
}  // namespace autonorm::agent

#if defined(__SANITIZE_ADDRESS__)
// Open MPI unloads its modules before leaks are looked for: only whole stacks still name the library that called them,
// and leaks.supp goes by that name.
extern "C" const char* __asan_default_options() { return "fast_unwind_on_malloc=0"; }
#endif

int main() { return autonorm::agent::run(); }
