#include "core/distributed/bucket_reducer.h"

#include <torch/version.h>

#include <algorithm>

namespace autonorm::distributed {
namespace {

// Without a rebuild c10d notes every parameter of every reduction for the rebuild that never comes. A new Reducer, with
// the same layout and thus the same bits, lets go of that list.
constexpr int kReductionsPerReducer = 1024;

// Last parameters first: backward produces their gradients first.
std::vector<std::vector<size_t>> reversed_buckets(const std::vector<at::Tensor>& parameters) {
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
      parameters, {c10d::kDefaultFirstBucketBytes, c10d::kDefaultBucketBytesCap});
  std::ranges::reverse(buckets);
  return buckets;
}

}  // namespace

BucketReducer::BucketReducer(std::vector<at::Tensor> parameters, c10::intrusive_ptr<c10d::ProcessGroup> group,
                             bool rebuild_buckets)
    : parameters_(std::move(parameters)), group_(std::move(group)), rebuild_buckets_(rebuild_buckets) {
  c10d::verify_params_across_processes(group_, parameters_, {});
  build();
}

void BucketReducer::build() {
  reducer_.reset();  // takes its hooks off the parameters before the next one adds its own
  reductions_ = 0;
  const std::vector<bool> expect_sparse(parameters_.size(), false);
  reducer_.emplace(parameters_, reversed_buckets(parameters_), group_, expect_sparse, c10d::kDefaultBucketBytesCap,
                   /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true,
                   /*param_names=*/std::unordered_map<size_t, std::string>{}, c10d::kDefaultFirstBucketBytes,
                   /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 11
                   ,
                   /*bucket_bytes_cap_list=*/std::vector<int64_t>{}
#endif
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 12
                   ,
                   /*batched_grad_copy=*/false
#endif
  );
}

void BucketReducer::prepare_last_micro_batch() {
  if (!rebuild_buckets_ && reductions_ >= kReductionsPerReducer) build();
  reducer_->prepare_for_forward();
  if (rebuild_buckets_ && reducer_->should_rebuild_buckets()) reducer_->rebuild_buckets();
  reducer_->prepare_for_backward({});  // no outputs: every parameter takes part
  ++reductions_;
}

void BucketReducer::finish() {
  // The end of backward has waited for the sums; what is left is to make sure that every parameter took part.
  reducer_->check_finalized();
}

}  // namespace autonorm::distributed
