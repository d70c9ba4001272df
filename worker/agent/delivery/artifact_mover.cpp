#include "worker/agent/delivery/artifact_mover.h"

#include "core/base/durable_file.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "worker/agent/delivery/checkpoint_folder.h"

namespace autonorm::agent {

namespace fs = std::filesystem;

namespace {

const fleet::AttemptKey& key_of(const std::variant<PutFolder, GetFolder>& job) {
  return std::visit([](const auto& any) -> const fleet::AttemptKey& { return any.key; }, job);
}

// A coordinator that is away, overloaded or out of space may take it later; a damaged or missing file will not mend.
bool worth_repeating(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kExhausted;
}

}  // namespace

ArtifactMover::ArtifactMover(ArtifactTransport& transport) : transport_(transport), thread_([this] { run(); }) {}

ArtifactMover::~ArtifactMover() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    current_.reset();
  }
  transport_.cancel();
  changed_.notify_all();
  thread_.join();
}

void ArtifactMover::put(PutFolder job) { add(std::move(job)); }
void ArtifactMover::get(GetFolder job) { add(std::move(job)); }

void ArtifactMover::add(Job job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void ArtifactMover::forget(const fleet::AttemptKey& key) {
  const std::lock_guard lock(mutex_);
  std::erase_if(jobs_, [&](const Job& job) { return key_of(job) == key; });
  if (current_ == key) current_.reset();
  changed_.notify_all();
}

bool ArtifactMover::wanted(const fleet::AttemptKey& key) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kRetry, [&] { return stopping_ || current_ != key; });
  return !stopping_ && current_ == key;
}

void ArtifactMover::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    const fleet::AttemptKey key = key_of(job);
    current_ = key;
    lock.unlock();
    Status status = move(job);
    bool reported = false;
    while (worth_repeating(status) && wanted(key)) {
      if (!reported) log_warning("trial ", short_form(key.trial), ": artifacts wait: ", status.message());
      reported = true;
      status = move(job);
    }
    lock.lock();
    if (current_ == key) done_.post({std::move(job), std::move(status)});
    current_.reset();
  }
}

Status ArtifactMover::move(const Job& job) {
  return std::visit([this](const auto& any) { return move(any); }, job);
}

Status ArtifactMover::move(const PutFolder& job) {
  const auto manifest = read_manifest(job.folder);
  if (!manifest.ok()) return manifest.status();
  for (const ManifestFile& file : manifest->files)
    AUTONORM_RETURN_IF_ERROR(transport_.put(file.hash, job.folder / file.name));
  return transport_.put(manifest->hash, job.folder / kManifestName);
}

Status ArtifactMover::move(const GetFolder& job) {
  for (const fs::path& candidate : job.candidates) {
    const auto manifest = read_manifest(candidate);
    if (!manifest.ok() || manifest->hash != job.manifest) continue;
    const Status usable = verify_checkpoint(candidate, *manifest);
    if (usable.ok()) return link_checkpoint(candidate, job.folder);
    log_warning("a local checkpoint is passed over: ", usable.message());
  }
  // Complete or not there: the folder gets its name last.
  const fs::path partial = job.folder.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return system_error(cat("making ", partial.string()), error.value());
  AUTONORM_RETURN_IF_ERROR(transport_.get(job.manifest, partial / kManifestName));
  const auto manifest = read_manifest(partial);
  if (!manifest.ok()) return manifest.status();
  for (const ManifestFile& file : manifest->files)
    AUTONORM_RETURN_IF_ERROR(transport_.get(file.hash, partial / file.name));
  pass(Failpoint::kFetchBefore);
  fs::remove_all(job.folder, error);
  fs::rename(partial, job.folder, error);
  return error ? system_error(cat("renaming ", partial.string()), error.value()) : Status();
}

}  // namespace autonorm::agent
