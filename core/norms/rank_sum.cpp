#include "core/norms/rank_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/where.h>
#include <torch/csrc/autograd/custom_function.h>

namespace autonorm::norms {
namespace {

class SumOverRanks : public torch::autograd::Function<SumOverRanks> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, Ranks* ranks) {
    context->saved_data["ranks"] = reinterpret_cast<int64_t>(ranks);
    return summed(x, *ranks);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto* ranks = reinterpret_cast<Ranks*>(context->saved_data["ranks"].toInt());
    return {summed(gradients[0], *ranks), at::Tensor()};
  }

 private:
  static at::Tensor summed(const at::Tensor& x, Ranks& ranks) {
    at::Tensor sum = x.detach().contiguous().clone();
    ranks.sum(sum);
    return sum;
  }
};

}  // namespace

at::Tensor sum_over_ranks(const at::Tensor& x, const StepContext& step) {
  return several_ranks(step) ? SumOverRanks::apply(x, step.ranks) : x;
}

at::Tensor gather_over_ranks(const at::Tensor& x, const StepContext& step) {
  if (!several_ranks(step)) return x.unsqueeze(0);
  const at::Tensor mine =
      at::arange(step.ranks->size(), x.options().dtype(at::kLong)) == step.ranks->rank();  // [ranks]
  return sum_over_ranks(at::where(mine.unsqueeze(1), x.unsqueeze(0), 0), step);
}

void agree_on_state(const std::vector<at::Tensor>& tensors, config::Statistics statistics, const StepContext& step) {
  if (!several_ranks(step) || statistics == config::Statistics::kSynchronised) return;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> flat;
  for (const at::Tensor& tensor : tensors) flat.push_back(tensor.flatten());
  at::Tensor all = at::cat(flat);
  const bool of_rank_zero = statistics == config::Statistics::kRankZero;
  if (of_rank_zero && step.ranks->rank() != 0) all.zero_();
  step.ranks->sum(all);
  if (!of_rank_zero) all.div_(step.ranks->size());
  int64_t offset = 0;
  for (const at::Tensor& tensor : tensors) {
    tensor.copy_(all.narrow(0, offset, tensor.numel()).view_as(tensor));
    offset += tensor.numel();
  }
}

}  // namespace autonorm::norms
