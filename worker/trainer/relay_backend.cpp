#include "worker/trainer/relay_backend.h"

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "core/distributed/gang.h"

namespace autonorm::trainer {
namespace {

using Tensors = std::vector<at::Tensor>;
using WorkPtr = c10::intrusive_ptr<c10d::Work>;

// A collective that is complete; the Reducer asks for its future.
class CompletedWork final : public c10d::Work {
 public:
  CompletedWork(int rank, c10d::OpType type, Tensors results)
      : Work(rank, type),
        future_(c10::make_intrusive<c10::ivalue::Future>(c10::ListType::create(c10::TensorType::get()))) {
    future_->markCompleted(c10::IValue(std::move(results)));
    finish();
  }
  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override { return future_; }

 private:
  const c10::intrusive_ptr<c10::ivalue::Future> future_;
};

worker::RelayDtype relay_dtype(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.is_cpu() && tensor.is_contiguous(), "relay: tensors must be contiguous and on the CPU");
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return worker::RelayDtype::kFloat32;
    case at::kDouble:
      return worker::RelayDtype::kFloat64;
    case at::kBFloat16:
      return worker::RelayDtype::kBFloat16;
    case at::kInt:
      return worker::RelayDtype::kInt32;
    case at::kLong:
      return worker::RelayDtype::kInt64;
    case at::kByte:
      return worker::RelayDtype::kUInt8;
    default:
      TORCH_CHECK(false, "relay: dtype ", tensor.scalar_type(),
                  " cannot travel; use float32, float64, bfloat16, int32, int64 or uint8");
  }
}

size_t count_of(const at::Tensor& tensor) { return static_cast<size_t>(tensor.numel()); }

void check(const Status& status) {
  if (!status.ok()) throw distributed::CollectiveAborted(status.message());
}

class RelayBackend final : public c10d::Backend {
 public:
  RelayBackend(int rank, int size, RelayClient& client) : Backend(rank, size), client_(client) {}

  const std::string getBackendName() const override { return "relay"; }

  WorkPtr allreduce(Tensors& tensors, const c10d::AllreduceOptions& options) override {
    TORCH_CHECK(options.reduceOp == c10d::ReduceOp::SUM, "relay: all_reduce can only sum");
    for (at::Tensor& tensor : tensors)
      check(client_.all_reduce_sum(relay_dtype(tensor), tensor.data_ptr(), count_of(tensor)));
    return completed(c10d::OpType::ALLREDUCE, tensors);
  }

  WorkPtr broadcast(Tensors& tensors, const c10d::BroadcastOptions& options) override {
    for (at::Tensor& tensor : tensors) {
      check(client_.broadcast(relay_dtype(tensor), tensor.data_ptr(), count_of(tensor),
                              static_cast<int>(options.rootRank)));
    }
    return completed(c10d::OpType::BROADCAST, tensors);
  }

  // outputs[i][r] becomes rank r's inputs[i].
  WorkPtr allgather(std::vector<Tensors>& outputs, Tensors& inputs, const c10d::AllgatherOptions&) override {
    Tensors results;
    for (size_t i = 0; i < inputs.size(); ++i) {
      at::Tensor all = at::empty({getSize(), inputs[i].numel()}, inputs[i].options());  // [ranks, elements]
      check(client_.all_gather(relay_dtype(inputs[i]), inputs[i].const_data_ptr(), count_of(inputs[i]), all.data_ptr(),
                               getSize()));
      for (int rank = 0; rank < getSize(); ++rank) {
        outputs[i][rank].copy_(all[rank].view_as(outputs[i][rank]));
        results.push_back(outputs[i][rank]);
      }
    }
    return completed(c10d::OpType::ALLGATHER, results);
  }

  WorkPtr barrier(const c10d::BarrierOptions&) override {
    check(client_.barrier());
    return completed(c10d::OpType::BARRIER, {});
  }

 private:
  WorkPtr completed(c10d::OpType type, Tensors results) const {
    return c10::make_intrusive<CompletedWork>(getRank(), type, std::move(results));
  }

  RelayClient& client_;
};

}  // namespace

c10::intrusive_ptr<c10d::ProcessGroup> make_relay_group(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                                        int size, RelayClient& client) {
  using Kind = c10d::ProcessGroup::BackendType;
  auto group = c10::make_intrusive<c10d::ProcessGroup>(store, rank, size);
  group->setDefaultBackend(Kind::CUSTOM);
  group->setBackend(at::kCPU, Kind::CUSTOM,
                    c10::intrusive_ptr<c10d::Backend>(c10::make_intrusive<RelayBackend>(rank, size, client)));
  return group;
}

}  // namespace autonorm::trainer
