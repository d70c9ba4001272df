// What norms of a configuration can take, for those who must know before they try.
#pragma once
#include <c10/util/Exception.h>

#include <string_view>

#include "core/config/trial_config.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

// Whether padded tokens may be marked (StepContext::mask) and then have no part in the statistics: each token is
// computed by itself, or they are left out. Norms that mix the tokens of a sample take no mask; their forward passes
// throw c10::Error for one.
bool takes_mask(const config::NormConfig& norm);
inline void refuse_mask(const StepContext& step, std::string_view kind) {
  TORCH_CHECK(step.mask == nullptr, "norm '", kind, "' mixes all tokens of a sample and takes no mask");
}

// Why training passes cannot run under vmap; empty: they can, on one rank. Evaluation passes always can.
std::string_view why_not_vmap(const config::NormConfig& norm);

}  // namespace autonorm::norms
