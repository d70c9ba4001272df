#include "core/distributed/process_gang.h"

#include <c10/util/Exception.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "core/distributed/bucket_reducer.h"

namespace autonorm::distributed {
namespace {

// c10d reports a lost peer, a time-out or an abort as DistError.
template <class Action>
auto guarded(const Action& action) {
  try {
    return action();
  } catch (const c10::DistError& error) {
    throw CollectiveAborted(error.what_without_backtrace());
  }
}

// c10d wants contiguous memory; `tensor` itself may be a view.
template <class Collective>
void run(const Collective& collective, at::Tensor& tensor) {
  guarded([&] {
    std::vector<at::Tensor> tensors{tensor.detach().contiguous()};
    collective(tensors)->wait();
    if (!tensors[0].is_alias_of(tensor)) tensor.detach().copy_(tensors[0]);
  });
}

class ProcessGang final : public Gang {
 public:
  ProcessGang(c10::intrusive_ptr<c10d::ProcessGroup> group, at::Device device)
      : group_(std::move(group)), device_(device) {}

  int rank() const override { return group_->getRank(); }
  int size() const override { return group_->getSize(); }

  void all_reduce_sum(at::Tensor& tensor) override {
    run([&](std::vector<at::Tensor>& tensors) { return group_->allreduce(tensors); }, tensor);
  }

  void broadcast(at::Tensor& tensor, int root) override {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    run([&](std::vector<at::Tensor>& tensors) { return group_->broadcast(tensors, options); }, tensor);
  }

  void barrier() override {
    // c10d's own barrier picks a device by itself; a sum of one element waits for everybody just as well.
    at::Tensor nothing = at::zeros({1}, at::TensorOptions().device(device_));  // [1]
    all_reduce_sum(nothing);
    if (device_.is_cuda()) nothing.cpu();
  }

  std::unique_ptr<GradientReducer> make_reducer(const std::vector<at::Tensor>& parameters) override {
    return guarded([&] { return std::make_unique<BucketReducer>(parameters, group_, device_.is_cuda()); });
  }

 private:
  const c10::intrusive_ptr<c10d::ProcessGroup> group_;
  const at::Device device_;
};

}  // namespace

std::unique_ptr<Gang> make_gang(c10::intrusive_ptr<c10d::ProcessGroup> group, at::Device device) {
  return std::make_unique<ProcessGang>(std::move(group), device);
}

}  // namespace autonorm::distributed
