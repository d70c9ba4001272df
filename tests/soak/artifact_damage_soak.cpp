// T12, on its way between worker and coordinator: a checkpoint's files are cut short at each 1 %, then N random bits of
// each are turned over, in three places. In the worker's own folders: the coordinator's copy is fetched instead. In the
// coordinator's store, and on the way there: refused.
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/durable_file.h"
#include "core/base/log.h"
#include "core/base/sha256.h"
#include "tests/soak/damage.h"
#include "tests/soak/loaded_server.h"
#include "tests/soak/soak_program.h"
#include "worker/agent/delivery/artifact_mover.h"
#include "worker/agent/delivery/checkpoint_folder.h"
#include "worker/agent/delivery/session_client.h"

namespace autonorm::soak {
namespace {

using std::filesystem::path;

constexpr std::chrono::seconds kDeadline{60};

void overwrite(const path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

class World {
 public:
  explicit World(const Options& options) : options_(options) {
    std::filesystem::create_directories(local_);
    std::string state;
    for (int i = 0; i < 30'000; ++i) state += static_cast<char>(i * 7919 >> 3);
    files_["state.bin"] = state;
    files_["manifest.json"] =
        nlohmann::json{{"step", 20},
                       {"files", {{"state.bin", {{"sha256", sha256(state).value()}, {"bytes", state.size()}}}}}}
            .dump(1);
    for (const auto& [name, bytes] : files_) overwrite(local_ / name, bytes);
    mover_.put({key_, "step-20", local_});
    const Status put = moved();
    if (!put.ok()) fail("the whole checkpoint", put);
  }

  Outcome run() {
    for (const auto& [name, whole] : files_) {
      for_each_damage(whole, options_.count, RandomStream(options_.seed, "soak", cat("artifact/", name)),
                      [&](const std::string& what, const std::string& bytes) {
                        const std::string where = cat(name, " ", what);
                        ++damages_;
                        damage_local_copy(name, bytes, where);
                        damage_stored_copy(sha256(whole), bytes, where);
                        damage_on_the_way(sha256(whole), bytes, where);
                        restore(name, whole);
                      });
    }
    if (const Status healed = fetch({}); !healed.ok()) fail("the whole checkpoint after all", healed);
    return {.counts = cat(damages_, " damages: ", fetched_, " local copies passed over for the coordinator's, ",
                          refused_, " copies in its store and ", dropped_, " on the way to it refused"),
            .failures = std::move(failures_)};
  }

 private:
  void damage_local_copy(const std::string& name, const std::string& bytes, const std::string& where) {
    overwrite(local_ / name, bytes);
    const Status status = fetch({local_});
    if (!status.ok()) return fail(where, status);
    ++fetched_;
  }
  void damage_stored_copy(const Sha256& hash, const std::string& bytes, const std::string& where) {
    overwrite(stored(hash), bytes);
    const Status status = fetch({});
    if (status.code() != Code::kInvalid || status.message().find("damaged") == std::string::npos)
      return fail(cat(where, " in the coordinator's store"), status);
    ++refused_;
  }
  void damage_on_the_way(const Sha256& hash, const std::string& bytes, const std::string& where) {
    std::filesystem::remove(stored(hash));
    const path file = folder_.path() / "upload";
    overwrite(file, bytes);
    const Status status = client_->put(hash, file);
    if (status.code() != Code::kInvalid || std::filesystem::exists(stored(hash)))
      return fail(cat(where, " on the way to the coordinator"), status);
    ++dropped_;
  }
  void restore(const std::string& name, const std::string& whole) {
    overwrite(local_ / name, whole);
    const Status status = client_->put(sha256(whole), local_ / name);
    if (!status.ok()) fail(cat("the whole ", name, " again"), status);
  }

  // What a next attempt does before it starts; ok only when the folder is byte for byte the checkpoint.
  Status fetch(std::vector<path> candidates) {
    const path target = folder_.path() / "next" / "step-20";
    std::filesystem::create_directories(target.parent_path());
    mover_.get({key_, "step-20", target, sha256(files_.at("manifest.json")), std::move(candidates)});
    AUTONORM_RETURN_IF_ERROR(moved());
    for (const auto& [name, bytes] : files_) {
      const auto got = read_file(target / name);
      if (!got.ok() || *got != bytes) return internal(name, " was fetched with other bytes");
    }
    return {};
  }
  Status moved() {
    std::vector<agent::Moved> done;
    if (!wait_until([&] { return !(done = mover_.take()).empty(); }, kDeadline)) return internal("nothing was moved");
    return done.front().status;
  }
  path stored(const Sha256& hash) const {
    return server_.directory() / "artifacts" / hash.value().substr(0, 2) / hash.value();
  }
  void fail(const std::string& where, const Status& status) {
    failures_.push_back(cat(where, ": ", status.ok() ? "it was taken for whole" : status.message()));
  }

  const Options options_;
  LoadedServer server_;
  const testing::TemporaryFolder folder_;
  const path local_ = folder_.path() / "step-20";
  std::map<std::string, std::string> files_;  // by name; the manifest names the other one's hash
  const fleet::AttemptKey key_{TrialId(std::string(64, 'a')), Attempt(1), Token(std::string(32, 'b'))};
  const std::unique_ptr<agent::ArtifactTransport> client_ = agent::make_artifact_client(server_.address());
  agent::ArtifactMover mover_{*client_};
  int64_t damages_ = 0, fetched_ = 0, refused_ = 0, dropped_ = 0;
  std::vector<std::string> failures_;
};

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  autonorm::set_log_sink([](autonorm::LogLevel, const std::string&) {});
  return autonorm::soak::run_program(count, words, "T12 damaged artifacts", [](const autonorm::soak::Options& options) {
    return autonorm::soak::World(options).run();
  });
}
