#include "coordinator/server/artifact_collector.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "coordinator/store/artifact_store.h"
#include "coordinator/store/old_attempts.h"
#include "coordinator/store/retention_reader.h"

namespace autonorm::server {
namespace {

constexpr size_t kRemovedAtOnce = 500;         // between two batches of the engine: some 10 ms
constexpr int64_t kLargestManifest = 1 << 20;  // bytes
constexpr int kTries = 5;

// The files that a manifest names; empty for an artifact that is no manifest.
Result<std::vector<Sha256>> files_of(const store::ArtifactStore& artifacts, const Sha256& manifest, bool surely_one) {
  const auto text = artifacts.read(manifest);
  if (text.status().code() == Code::kNotFound) return std::vector<Sha256>();  // nothing is left to protect
  if (!text.ok()) return text.status();
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const bool readable = json.is_object() && json.contains("files") && json["files"].is_object();
  if (!readable && surely_one) {
    return internal("artifact ", manifest, " should be a checkpoint's manifest but cannot be read; nothing is removed");
  }
  std::vector<Sha256> files;
  if (!readable) return files;
  for (const auto& [name, file] : json["files"].items()) {
    if (file.is_object() && file.contains("sha256") && file["sha256"].is_string())
      files.emplace_back(file["sha256"].get<std::string>());
  }
  return files;
}

// What stays, and how much that is.
class Kept {
 public:
  Kept(const store::ArtifactStore& artifacts, const std::vector<store::StoredArtifact>& all, int64_t max_bytes)
      : artifacts_(artifacts), max_bytes_(max_bytes) {
    for (const auto& artifact : all) bytes_of_.emplace(artifact.hash, artifact.bytes);
  }

  Status keep(const Sha256& manifest, bool surely_manifest) { return add(manifest, surely_manifest, false); }
  // Only while the bound is not reached.
  Status keep_if_room(const Sha256& manifest) { return add(manifest, true, true); }

  bool contains(const Sha256& hash) const { return hashes_.contains(hash); }
  const std::unordered_set<Sha256>& hashes() const { return hashes_; }
  Collected::Part size() const { return size_; }

 private:
  Status add(const Sha256& manifest, bool surely_manifest, bool bounded) {
    auto group = files_of(artifacts_, manifest, surely_manifest);
    if (!group.ok()) return group.status();
    group->push_back(manifest);
    Collected::Part added;
    for (const Sha256& hash : *group) {
      const auto stored = bytes_of_.find(hash);
      if (stored == bytes_of_.end() || hashes_.contains(hash)) continue;
      ++added.files;
      added.bytes += stored->second;
    }
    if (bounded && max_bytes_ > 0 && size_.bytes + added.bytes > max_bytes_) return {};
    hashes_.insert(group->begin(), group->end());
    size_.files += added.files;
    size_.bytes += added.bytes;
    return {};
  }

  const store::ArtifactStore& artifacts_;
  const int64_t max_bytes_;
  std::unordered_map<Sha256, int64_t> bytes_of_;
  std::unordered_set<Sha256> hashes_;
  Collected::Part size_;
};

// Of which artifacts nothing is still to come: those of manifests that a live attempt has saved and committed.
class Settled {
 public:
  // A manifest comes after its files; a file that was offered later belongs to another upload as well.
  Settled(const store::ArtifactStore& artifacts, const std::vector<store::StoredArtifact>& all,
          const std::unordered_set<Sha256>& manifests) {
    constexpr std::chrono::microseconds kBefore{1};
    for (const auto& manifest : all) {
      if (!manifests.contains(manifest.hash)) continue;
      note(manifest.hash, manifest.used);
      const auto files = files_of(artifacts, manifest.hash, false);
      if (!files.ok()) continue;  // they stay for as long as they are fresh
      for (const Sha256& file : *files) note(file, manifest.used - kBefore);
    }
  }
  bool contains(const store::StoredArtifact& artifact) const {
    const auto known = last_use_.find(artifact.hash);
    return known != last_use_.end() && artifact.used <= known->second;
  }

 private:
  void note(const Sha256& hash, WallTime last_use) {
    WallTime& known = last_use_.try_emplace(hash, last_use).first->second;
    known = std::max(known, last_use);
  }
  std::unordered_map<Sha256, WallTime> last_use_;  // that is accounted for
};

std::unordered_set<Sha256> fresh_manifests(const std::vector<store::StoredArtifact>& all, WallTime unused_since) {
  std::unordered_set<Sha256> fresh;
  for (const auto& artifact : all) {
    if (artifact.used >= unused_since && artifact.bytes <= kLargestManifest) fresh.insert(artifact.hash);
  }
  return fresh;
}

}  // namespace

Status check_retention(const Retention& retention) {
  if (retention.keep_checkpoints < 1 || retention.keep_checkpoints > 1'000) {
    return invalid("checkpoints to keep: ", retention.keep_checkpoints, "; allowed are 1 to 1000");
  }
  if (retention.max_bytes < 0) return invalid("the bound on artifacts must not be negative");
  return {};
}

struct ArtifactCollector::Plan {
  WallTime made;  // what has been used since then stays
  std::unordered_set<Sha256> kept;
  std::vector<Sha256> garbage;
  Collected::Part garbage_size, kept_size;
};

Result<ArtifactCollector::Plan> ArtifactCollector::plan(const Retention& retention, WallTime unused_since) {
  const WallTime made = artifacts_.unused_since({});
  const auto all = artifacts_.list();
  if (!all.ok()) return all.status();
  if (all->empty()) return Plan{.made = made, .kept = {}, .garbage = {}, .garbage_size = {}, .kept_size = {}};
  // The engine knows what was decided last, the database what a crash would go back to: both count.
  const auto pinned = loop_.pinned_artifacts();
  const auto rows = store::read_retained(directory_, retention.keep_checkpoints, fresh_manifests(*all, unused_since));
  if (!rows.ok()) return rows.status();
  const Settled settled(artifacts_, *all, rows->settled);
  const auto on_the_way = [&](const auto& artifact) {
    return artifact.used >= unused_since && !settled.contains(artifact);
  };
  Kept kept(artifacts_, *all, retention.max_bytes);
  for (const auto* needed : {&pinned, &rows->needed}) {
    for (const Sha256& manifest : *needed) AUTONORM_RETURN_IF_ERROR(kept.keep(manifest, true));
  }
  for (const auto& artifact : *all) {
    if (!on_the_way(artifact) || kept.contains(artifact.hash)) continue;
    if (artifact.bytes > kLargestManifest) continue;  // no manifest, and spared for its age when it comes to removing
    AUTONORM_RETURN_IF_ERROR(kept.keep(artifact.hash, false));
  }
  for (const Sha256& manifest : rows->older_checkpoints) AUTONORM_RETURN_IF_ERROR(kept.keep_if_room(manifest));
  if (!retention.drop_models) {
    for (const Sha256& manifest : rows->models) AUTONORM_RETURN_IF_ERROR(kept.keep_if_room(manifest));
  }
  Plan plan{.made = made, .kept = kept.hashes(), .garbage = {}, .garbage_size = {}, .kept_size = {}};
  for (const auto& artifact : *all) {
    const bool stays = kept.contains(artifact.hash) || on_the_way(artifact);
    Collected::Part& part = stays ? plan.kept_size : plan.garbage_size;
    ++part.files;
    part.bytes += artifact.bytes;
    if (!stays) plan.garbage.push_back(artifact.hash);
  }
  return plan;
}

Result<Collected> ArtifactCollector::look(const Retention& retention) {
  const WallTime unused_since = artifacts_.unused_since(kGrace);
  const auto found = plan(retention, unused_since);
  if (!found.ok()) return found.status();
  const auto uploads = artifacts_.stale_uploads(unused_since, false);
  const auto attempts = store::old_attempts(directory_ / "work", clock_.now().wall - kOldAttempt, false);
  return Collected{.artifacts = found->garbage_size,
                   .uploads = {uploads.files, uploads.bytes},
                   .attempts = {attempts.folders, attempts.bytes},
                   .kept = found->kept_size};
}

bool ArtifactCollector::carry_out(const Plan& plan, Collected& collected) {
  for (size_t at = 0; at < plan.garbage.size(); at += kRemovedAtOnce) {
    const auto end = plan.garbage.begin() + static_cast<ptrdiff_t>(std::min(at + kRemovedAtOnce, plan.garbage.size()));
    const std::vector<Sha256> slice(plan.garbage.begin() + static_cast<ptrdiff_t>(at), end);
    const auto removal = loop_.remove_artifacts(slice, plan.kept, plan.made);
    if (removal.outdated) return false;
    collected.artifacts.files += removal.files;
    collected.artifacts.bytes += removal.bytes;
  }
  return true;
}

Result<Collected> ArtifactCollector::collect(const Retention& retention, bool attempts) {
  const std::lock_guard lock(busy_);
  const WallTime unused_since = artifacts_.unused_since(kGrace);
  Collected collected;
  bool done = false;
  for (int tries = 0; tries < kTries && !done; ++tries) {
    const auto found = plan(retention, unused_since);
    if (!found.ok()) return found.status();
    done = carry_out(*found, collected);
    collected.kept = found->kept_size;
  }
  if (!done) return unavailable("what trials need changed too often to clean up beside it; try again in a moment");
  const auto uploads = artifacts_.stale_uploads(unused_since, true);
  collected.uploads = {uploads.files, uploads.bytes};
  if (!attempts) return collected;
  const auto old = store::old_attempts(directory_ / "work", clock_.now().wall - kOldAttempt, true);
  collected.attempts = {old.folders, old.bytes};
  return collected;
}

}  // namespace autonorm::server
