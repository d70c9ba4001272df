#include "tests/support/thread_group.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "core/distributed/process_gang.h"

namespace autonorm::test {
namespace {

using Tensors = std::vector<at::Tensor>;
using WorkPtr = c10::intrusive_ptr<c10d::Work>;

// Where the threads meet: each lays down its tensor, the last one to come lets all go on with everybody's tensors.
class Meeting {
 public:
  explicit Meeting(int size) : size_(static_cast<size_t>(size)) {}

  Tensors exchange(int rank, const at::Tensor& tensor) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return leaving_ == 0 || broken_; });
    if (waiting_.empty()) waiting_.resize(size_);
    waiting_[static_cast<size_t>(rank)] = tensor.clone();
    const uint64_t round = round_;
    if (++arrived_ == size_) {
      result_ = std::exchange(waiting_, {});
      arrived_ = 0;
      leaving_ = size_;
      ++round_;
    }
    changed_.notify_all();
    changed_.wait(lock, [&] { return round_ != round || broken_; });
    if (round_ == round) throw distributed::CollectiveAborted("another rank failed");
    Tensors result = result_;
    if (--leaving_ == 0) changed_.notify_all();
    return result;
  }
  void abort() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    changed_.notify_all();
  }

 private:
  const size_t size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Tensors waiting_, result_;
  size_t arrived_ = 0, leaving_ = 0;
  uint64_t round_ = 0;
  bool broken_ = false;
};

class DoneWork final : public c10d::Work {
 public:
  explicit DoneWork(Tensors tensors)
      : future_(c10::make_intrusive<c10::ivalue::Future>(c10::ListType::create(c10::TensorType::get()))) {
    future_->markCompleted(c10::IValue(std::move(tensors)));
    finish();
  }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }

 private:
  const c10::intrusive_ptr<c10::ivalue::Future> future_;
};

class ThreadBackend final : public c10d::Backend {
 public:
  ThreadBackend(int rank, int size, Meeting& meeting) : Backend(rank, size), meeting_(meeting) {}
  const std::string getBackendName() const override { return "threads"; }

  WorkPtr allreduce(Tensors& tensors, const c10d::AllreduceOptions&) override {
    for (at::Tensor& tensor : tensors) {
      const Tensors all = meeting_.exchange(getRank(), tensor);
      tensor.copy_(all[0]);
      for (size_t rank = 1; rank < all.size(); ++rank) tensor.add_(all[rank]);
    }
    return c10::make_intrusive<DoneWork>(tensors);
  }
  WorkPtr broadcast(Tensors& tensors, const c10d::BroadcastOptions& options) override {
    for (at::Tensor& tensor : tensors)
      tensor.copy_(meeting_.exchange(getRank(), tensor)[static_cast<size_t>(options.rootRank)]);
    return c10::make_intrusive<DoneWork>(tensors);
  }
  WorkPtr allgather(std::vector<Tensors>& outputs, Tensors& inputs, const c10d::AllgatherOptions&) override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Tensors all = meeting_.exchange(getRank(), inputs[i]);
      for (size_t rank = 0; rank < all.size(); ++rank) outputs[i][rank].copy_(all[rank]);
    }
    return c10::make_intrusive<DoneWork>(outputs[0]);
  }

 private:
  Meeting& meeting_;
};

std::unique_ptr<distributed::Gang> make_rank(int rank, int size, Meeting& meeting) {
  using Kind = c10d::ProcessGroup::BackendType;
  auto group = c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::HashStore>(), rank, size);
  group->setDefaultBackend(Kind::CUSTOM);
  group->setBackend(at::kCPU, Kind::CUSTOM,
                    c10::intrusive_ptr<c10d::Backend>(c10::make_intrusive<ThreadBackend>(rank, size, meeting)));
  return distributed::make_gang(group, at::kCPU);
}

}  // namespace

void run_ranks(int size, const std::function<void(distributed::Gang&)>& body) {
  Meeting meeting(size);
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const auto gang = make_rank(rank, size, meeting);
        body(*gang);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        meeting.abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace autonorm::test
