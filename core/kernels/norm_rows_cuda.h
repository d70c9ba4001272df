// The CUDA kernels of the fused norms: the arguments of rows/row_kernels.h with pointers to device memory, rows
// [first, last), asynchronous on a stream. Every sum is added in an order that depends on the shape alone.
#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "core/kernels/rows/row_kernels.h"

namespace autonorm::kernels {

// How many sets of sums a backward kernel writes; each has the kernel's length, and all together `partials`.
int64_t cuda_workers(int64_t rows, int64_t channels);

cudaError_t launch_forward(const LayerForward& a, int64_t first, int64_t last, cudaStream_t stream);
cudaError_t launch_forward(const SquashForward& a, int64_t first, int64_t last, cudaStream_t stream);
cudaError_t launch_forward(const BlendForward& a, int64_t first, int64_t last, cudaStream_t stream);
// partials: [cuda_workers(last - first, C), length] wide, all written; length as row_kernels.h has it: 2C, 2C + 2, 5C
// + 1.
cudaError_t launch_backward(const LayerBackward& a, int64_t first, int64_t last, void* partials, cudaStream_t stream);
cudaError_t launch_backward(const SquashBackward& a, int64_t first, int64_t last, void* partials, cudaStream_t stream);
cudaError_t launch_backward(const BlendBackward& a, int64_t first, int64_t last, void* partials, cudaStream_t stream);
// sums[i] = Σ over workers of partials[worker, i]; both of the wide type that belongs to `type`.
cudaError_t launch_sum(RowElement type, const void* partials, int64_t workers, int64_t length, void* sums,
                       cudaStream_t stream);
// out[sample, k] = Σ over its rows of row_gate[row, k], k = 0, 1.
cudaError_t launch_sum_samples(RowElement type, const void* row_gate, int64_t rows_per_sample, int64_t samples,
                               void* out, cudaStream_t stream);

}  // namespace autonorm::kernels
