// Frees the disk of what no trial needs any more. Safe at any time: beside uploads, resumes, submissions and restarts.
//
// Kept always: checkpoints and models that a trial needs which may train again (open, failed or cancelled), and
// whatever was stored or offered within the last hour and may still have its event on the way; jumps of the wall clock
// make nothing older (store/artifact_times.h). A committed checkpoint of a live attempt has nothing on the way: its
// manifest and those of its files that nobody has offered since then go as soon as they are not needed. Kept as long as
// the bound on bytes allows, in this order: the newest `keep_checkpoints` of each such trial, then the models of trials
// with a result, newest trials first.
#pragma once
#include <filesystem>
#include <mutex>

#include "coordinator/server/engine_loop.h"
#include "core/base/clock.h"
#include "core/base/status.h"

namespace autonorm::store {
class ArtifactStore;
}

namespace autonorm::server {

struct Retention {
  int keep_checkpoints = 2;  // per trial that may train again, 1 to 1,000
  int64_t max_bytes = 0;     // of all artifacts; 0 = unbounded. What is needed is kept even beyond it
  bool drop_models = false;  // of trials with a result that no other trial needs
};
Status check_retention(const Retention& retention);  // kInvalid names the number and its bounds

struct Collected {
  struct Part {
    int64_t files = 0, bytes = 0;
  };
  Part artifacts, uploads, attempts;  // that went, or would go
  Part kept;                          // artifacts that stay
};

// Thread-safe; one collection at a time, others wait. Blocks: reads the manifest of every checkpoint that stays.
class ArtifactCollector {
 public:
  static constexpr std::chrono::hours kGrace{1};
  static constexpr std::chrono::hours kOldAttempt{7 * 24};

  // All outlive the collector.
  ArtifactCollector(EngineLoop& loop, store::ArtifactStore& artifacts, std::filesystem::path state_directory,
                    const Clock& clock)
      : loop_(loop), artifacts_(artifacts), directory_(std::move(state_directory)), clock_(clock) {}

  // What could go; nothing is changed.
  Result<Collected> look(const Retention& retention);
  // Removes it. With `attempts`, also folders of attempts that were delivered a week ago.
  Result<Collected> collect(const Retention& retention, bool attempts);

 private:
  struct Plan;
  Result<Plan> plan(const Retention& retention, WallTime unused_since);
  // True once all of the plan is carried out; false when it has become outdated on the way.
  bool carry_out(const Plan& plan, Collected& collected);

  EngineLoop& loop_;
  store::ArtifactStore& artifacts_;
  const std::filesystem::path directory_;
  const Clock& clock_;
  std::mutex busy_;
};

}  // namespace autonorm::server
