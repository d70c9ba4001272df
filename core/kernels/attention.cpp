#include "core/kernels/attention.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

#include "core/kernels/short_attention_head.h"

namespace autonorm::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Beyond this many tokens LibTorch's blocked form is as fast, and the kept probabilities grow with the square.
constexpr int64_t kFewTokens = 64;

HeadShape head_shape(const at::Tensor& qkv, int64_t heads) {
  const int64_t width = qkv.size(2) / 3, channels = width / heads;
  return {.tokens = qkv.size(1),
          .channels = channels,
          .input_stride = 3 * width,
          .output_stride = width,
          .scale = 1.0F / std::sqrt(static_cast<float>(channels))};
}

bool is_short(const at::Tensor& qkv, int64_t heads) {
  return qkv.is_cpu() && qkv.scalar_type() == at::kFloat && qkv.numel() > 0 && qkv.size(1) <= kFewTokens &&
         qkv.size(2) % (3 * heads * kHeadLanes) == 0 && !qkv.key_set().has(c10::DispatchKey::FuncTorchBatched) &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

// Calls work(batch, head, workspace) for each head of each sequence.
template <class Work>
void for_each_head(int64_t batch, int64_t heads, const HeadShape& shape, const Work& work) {
  at::parallel_for(0, batch * heads, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> workspace(static_cast<size_t>(head_workspace(shape)));
    for (int64_t i = begin; i < end; ++i) work(i / heads, i % heads, workspace.data());
  });
}

struct ShortAttention : torch::autograd::Function<ShortAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& packed, int64_t heads) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const at::Tensor qkv = packed.contiguous();  // [B, T, 3·H·d]
    const HeadShape shape = head_shape(qkv, heads);
    const int64_t width = shape.output_stride, in = shape.tokens * shape.input_stride, out = shape.tokens * width;
    const int64_t kept = shape.tokens * shape.padded();
    const at::Tensor y = at::empty({qkv.size(0), shape.tokens, width}, qkv.options());  // [B, T, H·d]
    const at::Tensor probabilities =
        at::empty({qkv.size(0), heads, shape.tokens, shape.padded()}, qkv.options());  // [B, H, T, T padded]
    const auto* source = qkv.const_data_ptr<float>();
    auto *target = y.mutable_data_ptr<float>(), *p = probabilities.mutable_data_ptr<float>();
    for_each_head(qkv.size(0), heads, shape, [&](int64_t b, int64_t h, float* workspace) {
      const float* q = source + b * in + h * shape.channels;
      attend_head(shape, q, q + width, q + 2 * width, p + (b * heads + h) * kept, target + b * out + h * shape.channels,
                  workspace);
    });
    context->save_for_backward({qkv, probabilities});
    context->saved_data["heads"] = heads;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK_NOT_IMPLEMENTED(!at::GradMode::is_enabled(), "self_attention has no second derivative");
    const auto saved = context->get_saved_variables();
    const at::Tensor &qkv = saved[0], &probabilities = saved[1];
    const int64_t heads = context->saved_data["heads"].toInt();
    const at::Tensor dy = gradients[0].contiguous();  // [B, T, H·d]
    const at::Tensor dqkv = at::empty_like(qkv);      // [B, T, 3·H·d]
    const HeadShape shape = head_shape(qkv, heads);
    const int64_t width = shape.output_stride, in = shape.tokens * shape.input_stride, out = shape.tokens * width;
    const int64_t kept = shape.tokens * shape.padded();
    const auto *source = qkv.const_data_ptr<float>(), *p = probabilities.const_data_ptr<float>(),
               *slope = dy.const_data_ptr<float>();
    auto* target = dqkv.mutable_data_ptr<float>();
    for_each_head(qkv.size(0), heads, shape, [&](int64_t b, int64_t h, float* workspace) {
      const int64_t at = b * in + h * shape.channels;
      const float* q = source + at;
      float* dq = target + at;
      attend_head_backward(shape, q, q + width, q + 2 * width, p + (b * heads + h) * kept,
                           slope + b * out + h * shape.channels, dq, dq + width, dq + 2 * width, workspace);
    });
    return {dqkv, at::Tensor()};
  }
};

}  // namespace

at::Tensor self_attention(const at::Tensor& qkv, int64_t heads) {
  return is_short(qkv, heads) ? ShortAttention::apply(qkv, heads) : attend(split_heads(qkv, heads));
}

Heads split_heads(const at::Tensor& qkv, int64_t heads) {
  const at::Tensor split =
      qkv.view({qkv.size(0), qkv.size(1), 3, heads, qkv.size(2) / (3 * heads)}).permute({2, 0, 3, 1, 4});
  // unbind, not three selects: its backward pass stacks the parts instead of adding three zero-padded tensors.
  const std::vector<at::Tensor> parts = split.unbind(0);  // 3 × [B, H, T, d]
  return {.q = parts[0], .k = parts[1], .v = parts[2]};
}

at::Tensor attend(const Heads& heads) {
  return at::scaled_dot_product_attention(heads.q, heads.k, heads.v).transpose(1, 2).flatten(2);  // [B, T, H·d]
}

}  // namespace autonorm::kernels
