// What the database says about checkpoints and models, for whoever decides which artifacts may go. Manifests only: the
// files behind them are named in them.
#pragma once
#include <filesystem>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::store {

struct RetainedManifests {
  // Newest checkpoints of trials that may train again, where open attempts began, and models that such trials read.
  std::vector<Sha256> needed;
  std::vector<Sha256> older_checkpoints;  // of such trials, newest first, without the newest one
  std::vector<Sha256> models;             // of trials with a result, newest trial first
};

// Reads `database` (a file or a state directory) in one transaction. `keep`: checkpoints per trial, the newest
// included.
Result<RetainedManifests> read_retained(const std::filesystem::path& database, int keep);

}  // namespace autonorm::store
