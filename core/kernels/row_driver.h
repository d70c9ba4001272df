// Runs row kernels (rows/row_kernels.h) over all rows of a tensor with torch's threads.
#pragma once
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>

#include "core/kernels/norm_shapes.h"

namespace autonorm::kernels {

// The kernels for this machine: the widest instruction set that torch itself uses (ATEN_CPU_CAPABILITY narrows it).
const RowKernels& row_kernels();

// Whether a result of this size should bypass the caches: nothing of it would be left there for its reader.
bool larger_than_caches(int64_t bytes);

// The kernel that takes these arguments.
inline auto kernel_of(const LayerForward*) { return row_kernels().layer_forward; }
inline auto kernel_of(const LayerBackward*) { return row_kernels().layer_backward; }
inline auto kernel_of(const SquashForward*) { return row_kernels().squash_forward; }
inline auto kernel_of(const SquashBackward*) { return row_kernels().squash_backward; }
inline auto kernel_of(const BlendForward*) { return row_kernels().blend_forward; }
inline auto kernel_of(const BlendBackward*) { return row_kernels().blend_backward; }

// arguments(group) → the kernel's arguments; every row is independent.
template <class Arguments, class Kernel>
void run_forward(const RowShape& shape, Arguments arguments, Kernel kernel) {
  constexpr int64_t kGrain = 32768;  // elements worth a thread
  for (int64_t group = 0; group < shape.groups; ++group) {
    const auto a = arguments(group);
    at::parallel_for(group * shape.rows, (group + 1) * shape.rows, kGrain / shape.channels + 1,
                     [&](int64_t first, int64_t last) { kernel(a, first, last); });
  }
}

// Rows are cut into blocks by their number alone. Each block has sums of its own; a group's are added in block order.
template <class Wide>
void add_blocks(const at::Tensor& blocks, at::Tensor& sums) {
  const int64_t length = sums.size(1), count = blocks.size(1);
  for (int64_t group = 0; group < sums.size(0); ++group) {
    Wide* to = sums.mutable_data_ptr<Wide>() + group * length;
    const Wide* from = blocks.const_data_ptr<Wide>() + group * count * length;
    for (int64_t block = 0; block < count; ++block) {
      for (int64_t i = 0; i < length; ++i) to[i] += from[block * length + i];
    }
  }
}

// → [groups, length or a little more], the kernel's sums of each group. Each block's begin at a cache line: vectors
// that cross one cost dyt's backward pass a third of its speed.
template <class Arguments, class Kernel>
at::Tensor run_backward(const RowShape& shape, int64_t length, at::TensorOptions wide, Arguments arguments,
                        Kernel kernel) {
  constexpr int64_t kBlock = 131072;  // elements
  constexpr int64_t kMostBlocks = 64;
  constexpr int64_t kLine = 16;  // elements
  length = (length + kLine - 1) / kLine * kLine;
  const int64_t block_rows =
      std::max({kBlock / shape.channels, (shape.rows + kMostBlocks - 1) / kMostBlocks, int64_t{1}});
  const int64_t count = (shape.rows + block_rows - 1) / block_rows;
  at::Tensor blocks =
      count == 1 ? at::empty({shape.groups, length}, wide) : at::empty({shape.groups, count, length}, wide);
  if (blocks.nbytes() > 0) std::memset(blocks.mutable_data_ptr(), 0, blocks.nbytes());
  auto* all = static_cast<char*>(blocks.mutable_data_ptr());
  const auto bytes = static_cast<int64_t>(blocks.element_size()) * length;
  at::parallel_for(0, shape.groups * count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t group = block / count;
      const int64_t first = group * shape.rows + (block % count) * block_rows;
      const int64_t last = std::min(first + block_rows, (group + 1) * shape.rows);
      kernel(arguments(group), first, last, all + block * bytes);
    }
  });
  if (count == 1) return blocks;
  at::Tensor sums = at::zeros({shape.groups, length}, wide);
  wide.dtype() == at::kDouble ? add_blocks<double>(blocks, sums) : add_blocks<float>(blocks, sums);
  return sums;
}

}  // namespace autonorm::kernels
