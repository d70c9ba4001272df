// What the database says about checkpoints and models, for whoever decides which artifacts may go. Manifests only: the
// files behind them are named in them.
#pragma once
#include <filesystem>
#include <unordered_set>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::store {

struct RetainedManifests {
  // Newest checkpoints of trials that may train again, where open attempts began, and models that such trials read.
  std::vector<Sha256> needed;
  std::vector<Sha256> older_checkpoints;  // of such trials, newest first, without the newest one
  std::vector<Sha256> models;             // of trials with a result, newest trial first
  std::unordered_set<Sha256> settled;     // those of `fresh` that a live attempt has saved and committed, needed or not
};

// Reads `database` (a file or a state directory) in one transaction. `keep`: checkpoints per trial, the newest
// included. `fresh`: artifacts of which it matters whether anything is still to come.
Result<RetainedManifests> read_retained(const std::filesystem::path& database, int keep,
                                        const std::unordered_set<Sha256>& fresh);

}  // namespace autonorm::store
