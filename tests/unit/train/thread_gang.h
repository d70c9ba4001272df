// A gang of threads in this process: every collective exchanges tensors through a shared table. For tests of what
// training does with several ranks, without processes or transport.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <barrier>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "core/distributed/gang.h"

namespace autonorm::train {

struct ThreadGroup {
  explicit ThreadGroup(int size) : barrier(size), slots(static_cast<size_t>(size)) {}
  std::barrier<> barrier;
  std::vector<at::Tensor> slots;  // one per rank
};

class ThreadGang final : public distributed::Gang {
 public:
  ThreadGang(ThreadGroup& group, int rank) : group_(group), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(group_.slots.size()); }
  void barrier() override { group_.barrier.arrive_and_wait(); }

  void all_reduce_sum(at::Tensor& tensor) override {
    const at::NoGradGuard no_grad;
    group_.slots[static_cast<size_t>(rank_)] = tensor.detach().clone();
    barrier();
    at::Tensor sum = group_.slots[0].clone();
    for (size_t i = 1; i < group_.slots.size(); ++i) sum.add_(group_.slots[i]);
    barrier();  // nobody writes its slot again before all have read
    tensor.copy_(sum);
  }

  void broadcast(at::Tensor& tensor, int root) override {
    const at::NoGradGuard no_grad;
    if (rank_ == root) group_.slots[0] = tensor.detach().clone();
    barrier();
    tensor.copy_(group_.slots[0]);
    barrier();
  }

  std::unique_ptr<distributed::GradientReducer> make_reducer(const std::vector<at::Tensor>& parameters) override {
    return std::make_unique<Reducer>(*this, parameters);
  }

 private:
  // Averages every gradient in finish(); an undefined one is a defect of the caller and shows as an exception.
  class Reducer final : public distributed::GradientReducer {
   public:
    Reducer(ThreadGang& gang, std::vector<at::Tensor> parameters) : gang_(gang), parameters_(std::move(parameters)) {}
    void prepare_last_micro_batch() override { prepared_ = true; }
    void finish() override {
      if (!prepared_) throw std::logic_error("finish() without prepare_last_micro_batch()");
      prepared_ = false;
      for (at::Tensor& parameter : parameters_) {
        at::Tensor gradient = parameter.mutable_grad();
        if (!gradient.defined()) throw std::logic_error("a trainable parameter got no gradient");
        gang_.all_reduce_sum(gradient);
        const at::NoGradGuard no_grad;
        gradient.div_(gang_.size());
      }
    }

   private:
    ThreadGang& gang_;
    std::vector<at::Tensor> parameters_;
    bool prepared_ = false;
  };

  ThreadGroup& group_;
  const int rank_;
};

// Runs `body` on every rank of a gang of `size` threads and waits for all.
inline void run_ranks(int size, const std::function<void(ThreadGang&)>& body) {
  ThreadGroup group(size);
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&group, &body, rank] {
      ThreadGang gang(group, rank);
      body(gang);
    });
  }
}

}  // namespace autonorm::train
