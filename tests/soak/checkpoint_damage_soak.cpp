// T12: the newest checkpoint is cut short at each 1 % of each of its files, then N random bits of each are turned over.
// Each time load() notices, and newest() falls back to the checkpoint before, whole.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <fstream>

#include "core/base/durable_file.h"
#include "core/base/log.h"
#include "core/checkpoint/checkpoint.h"
#include "tests/soak/damage.h"
#include "tests/soak/soak_program.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::soak {
namespace {

using checkpoint::Checkpoint;
using std::filesystem::path;

// What a small ViT leaves, in each dtype that a checkpoint holds.
Checkpoint after_step(int64_t step) {
  const at::Tensor weights = at::arange(step, step + 4096, at::kFloat).reshape({64, 64});  // [C, C]
  return {.trial = TrialId(std::string(64, 'a')),
          .step = step,
          .config = {{"seed", 3}, {"train", {{"lr", 3e-3}, {"epochs", 8}}}},
          .host_state = {{"best", 0.1 + 0.2}, {"sum", 1e-310}, {"epoch", 2}},
          .tensors = {{"model.block.0.w", weights},
                      {"adam.exp_avg.block.0.w", weights.to(at::kBFloat16)},
                      {"buffer.running_var", weights.to(at::kDouble)},
                      {"adam.step", at::full({}, step, at::kLong)}}};
}

struct Tally {
  int64_t damages = 0, found = 0, fell_back = 0;
  std::vector<std::string> failures;
};

void try_to_resume(const path& parent, const path& damaged, const Sha256& before, const std::string& what,
                   Tally& tally) {
  ++tally.damages;
  const auto loaded = checkpoint::load(damaged);
  if (loaded.ok()) return tally.failures.push_back(cat(what, ": it was loaded"));
  if (loaded.status().code() != Code::kInvalid || loaded.status().message().find(damaged.string()) == std::string::npos)
    return tally.failures.push_back(cat(what, ": it says only: ", loaded.status().message()));
  ++tally.found;
  const auto fallback = checkpoint::newest(parent);
  if (!fallback.ok()) return tally.failures.push_back(cat(what, ": ", fallback.status().message()));
  const auto older = checkpoint::load(*fallback);
  if (*fallback != damaged && older.ok() && checkpoint::tensors_sha256(older->tensors) == before) {
    ++tally.fell_back;
  } else {
    tally.failures.push_back(cat(what, ": it fell back to ", fallback->string()));
  }
}

Outcome every_damage_is_found(const Options& options) {
  set_log_sink([](LogLevel, const std::string&) {});
  const testing::TemporaryFolder folder;
  Tally tally;
  const auto older = checkpoint::save(folder.path(), after_step(10));
  const auto newer = checkpoint::save(folder.path(), after_step(20));
  if (!older.ok() || !newer.ok()) return {.counts = "nothing saved", .failures = {newer.status().message()}};
  const Sha256 before = checkpoint::tensors_sha256(after_step(10).tensors);
  for (const char* name : {"state.safetensors", "manifest.json"}) {
    const path file = *newer / name;
    const auto whole = read_file(file);
    if (!whole.ok()) return {.counts = "unreadable", .failures = {whole.status().message()}};
    const auto overwrite = [&](const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; };
    for_each_damage(*whole, options.count, RandomStream(options.seed, "soak", cat("damage/", name)),
                    [&](const std::string& what, const std::string& bytes) {
                      overwrite(bytes);
                      try_to_resume(folder.path(), *newer, before, cat(name, " ", what), tally);
                    });
    overwrite(*whole);
  }
  const auto healed = checkpoint::newest(folder.path());
  if (!healed.ok() || *healed != *newer) tally.failures.emplace_back("the whole checkpoint is not taken any more");
  return {.counts = cat("2 files cut at each 1 % and ", options.count, " bits of each turned over: ", tally.damages,
                        " damages, ", tally.found, " found, ", tally.fell_back, " fell back to the checkpoint before"),
          .failures = std::move(tally.failures)};
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T12 damaged checkpoints", autonorm::soak::every_damage_is_found);
}
