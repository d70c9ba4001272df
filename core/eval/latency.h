// How long a model takes for its answers: what the plot of accuracy against latency shows.
#pragma once
#include "core/base/clock.h"
#include "core/eval/evaluator.h"

namespace autonorm::eval {

inline constexpr int64_t kLatencyBatch = 64;  // images of a forward pass; a smaller split is repeated to fill it

// Milliseconds per image of a forward pass in evaluation mode: the median of up to 10 passes over one batch, after one
// that is not counted, within about 0.2 s, though at least 3. The batch lies ready on the device; a pass ends when its
// result has arrived on the host. Wall time on this machine with whatever else runs on it. `split` is not empty and
// lies on the model's device. Changes no parameter and no statistics; options.batch is not used.
double latency_ms(models::Model& model, const data::Split& split, const EvaluationOptions& options, const Clock& clock);

}  // namespace autonorm::eval
