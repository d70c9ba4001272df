// How long a model takes for its answers: what the plot of accuracy against latency shows.
#pragma once
#include "core/base/clock.h"
#include "core/eval/evaluator.h"

namespace autonorm::eval {

inline constexpr int64_t kLatencyBatch = 64;  // images of a forward pass; a smaller split is repeated to fill it

struct Latency {
  double median_ms = 0, p95_ms = 0;  // of a forward pass
};

// Of a forward pass of `batch` images in evaluation mode: up to 100 passes within about 0.2 s, though at least 3, after
// up to 10 that are not counted, within about 0.1 s. The batch lies ready on the device; a pass ends when its result
// has arrived on the host. Wall time on this machine with whatever else runs on it. `split` is not empty and lies on
// the model's device. Changes no parameter and no statistics; options.batch is not used.
Latency latency(models::Model& model, const data::Split& split, int64_t batch, const EvaluationOptions& options,
                const Clock& clock);

}  // namespace autonorm::eval
