// How much of its accuracy a trained model keeps on corrupted test images (data.corruptions; core/data/corruption.h).
#pragma once
#include <map>
#include <string>

#include "core/config/trial_config.h"
#include "core/data/dataset.h"
#include "core/train/trial_loop.h"

namespace autonorm::train {

// Adds to `results`, which has test/accuracy: corrupted/NAME, the accuracy under each corruption, as the mean over
// severities; test/corrupted_accuracy, their mean; test/corruption_drop, the accuracy that they cost. Nothing where
// none is configured. Every rank calls it.
void judge_corrupted(std::map<std::string, double>& results, TrialLoop& loop, const data::Dataset& data,
                     const config::DataConfig& config);

}  // namespace autonorm::train
