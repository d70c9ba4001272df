#include "coordinator/store/artifact_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "coordinator/store/state_directory.h"
#include "core/base/failpoint.h"

namespace autonorm::store {
namespace {

constexpr std::string_view kTemporaryFolder = "incoming";

bool is_hash(const std::string& text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Status bad_hash(const Sha256& hash) {
  return invalid("'", hash.value().substr(0, 80),
                 "' is not the name of an artifact; that is a SHA-256 in 64 lower-case hex digits");
}

// Unique among the uploads of this process; unfinished ones of earlier processes are removed at the start.
std::string upload_name() {
  static std::atomic<int64_t> uploads = 0;
  return cat(::getpid(), "-", ++uploads);
}

WallTime used_time(const struct stat& info) {
  return wall_from_us(int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1'000);
}

timespec to_timespec(WallTime time) {
  const int64_t us = to_us(time);
  return {.tv_sec = us / 1'000'000, .tv_nsec = us % 1'000'000 * 1'000};
}

// The time of modification says when the file was used last.
std::array<timespec, 2> used_now(const ArtifactTimes& times) {
  return {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, to_timespec(times.now())};
}

Result<std::vector<StoredArtifact>> list_files(const std::filesystem::path& root) {
  std::vector<StoredArtifact> found;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    Sha256 hash(it->path().filename());
    if (!is_hash(hash.value())) continue;
    struct stat info {};
    if (::stat(it->path().c_str(), &info) == 0) found.push_back({std::move(hash), info.st_size, used_time(info)});
  }
  if (error) return directory_error("listing the artifacts", root, error.value());
  return found;
}

}  // namespace

ArtifactWriter::ArtifactWriter(std::filesystem::path temporary, std::filesystem::path target, Sha256 expected, Fd file,
                               std::mutex& places, const ArtifactTimes& times)
    : places_(places),
      times_(times),
      temporary_(std::move(temporary)),
      target_(std::move(target)),
      expected_(std::move(expected)),
      file_(std::move(file)) {}

ArtifactWriter::~ArtifactWriter() {
  if (!placed_) ::unlink(temporary_.c_str());
}

Status ArtifactWriter::write(std::string_view bytes) {
  AUTONORM_RETURN_IF_ERROR(write_all(file_.get(), bytes, temporary_.string()));
  hash_.update(bytes.data(), bytes.size());
  bytes_ += static_cast<int64_t>(bytes.size());
  mark_used();
  return {};
}

// Without it the file would only count as older than it is by the wall clock.
void ArtifactWriter::mark_used() { ::futimens(file_.get(), used_now(times_).data()); }

Status ArtifactWriter::finish() {
  const Sha256 actual = hash_.finish();
  if (actual != expected_) {
    return invalid("the upload of artifact ", expected_, " arrived with hash ", actual, " (", bytes_,
                   " bytes); it was dropped, send it again");
  }
  mark_used();
  if (::fsync(file_.get()) != 0) return directory_error("fsync of an artifact", temporary_.parent_path(), errno);
  file_.reset();
  std::error_code error;
  pass(Failpoint::kArtifactBefore);
  const std::unique_lock lock(places_);
  std::filesystem::create_directories(target_.parent_path(), error);
  if (error) return directory_error("creating it", target_.parent_path(), error.value());
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return directory_error("placing an artifact", target_.parent_path(), errno);
  placed_ = true;
  // The file's name, and that of its folder in case it is new.
  AUTONORM_RETURN_IF_ERROR(sync_path(target_.parent_path()));
  AUTONORM_RETURN_IF_ERROR(sync_path(target_.parent_path().parent_path()));
  pass(Failpoint::kArtifactAfter);
  return {};
}

ArtifactReader::ArtifactReader(Sha256 hash, std::filesystem::path path, std::ifstream file, int64_t bytes,
                               uint64_t inode)
    : hash_(std::move(hash)), path_(std::move(path)), file_(std::move(file)), bytes_(bytes), inode_(inode) {}

Result<std::string> ArtifactReader::read(size_t limit) {
  std::string piece(limit, '\0');
  file_.read(piece.data(), static_cast<std::streamsize>(limit));
  if (file_.bad()) return system_error(cat("reading ", path_.string()), EIO);
  piece.resize(static_cast<size_t>(file_.gcount()));
  digest_.update(piece.data(), piece.size());
  if (!file_.eof() || std::exchange(verified_, true)) return piece;
  if (const Sha256 actual = digest_.finish(); actual != hash_)
    return invalid("artifact ", hash_, " is damaged: ", path_.string(), " has SHA-256 ", actual);
  return piece;
}

Result<std::unique_ptr<ArtifactStore>> ArtifactStore::open(std::filesystem::path root, const Clock& clock) {
  std::error_code error;
  const std::filesystem::path incoming = root / kTemporaryFolder;
  std::filesystem::remove_all(incoming, error);
  if (error) return directory_error("removing unfinished uploads", root, error.value());
  std::filesystem::create_directories(incoming, error);
  if (error) return directory_error("creating it", root, error.value());
  const auto files = list_files(root);
  if (!files.ok()) return files.status();
  WallTime newest = WallTime::min();
  for (const StoredArtifact& file : *files) newest = std::max(newest, file.used);
  return std::unique_ptr<ArtifactStore>(new ArtifactStore(std::move(root), clock, newest));
}

std::filesystem::path ArtifactStore::path(const Sha256& hash) const {
  return root_ / hash.value().substr(0, 2) / hash.value();
}

Result<std::unique_ptr<ArtifactWriter>> ArtifactStore::create(const Sha256& expected) {
  if (!is_hash(expected.value())) return bad_hash(expected);
  const std::filesystem::path temporary = root_ / kTemporaryFolder / upload_name();
  Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.valid()) return directory_error("creating an artifact", root_, errno);
  return std::unique_ptr<ArtifactWriter>(
      new ArtifactWriter(temporary, path(expected), expected, std::move(file), places_, times_));
}

Result<std::unique_ptr<ArtifactReader>> ArtifactStore::open_reader(const Sha256& hash) const {
  if (!is_hash(hash.value())) return bad_hash(hash);
  std::ifstream file(path(hash), std::ios::binary);
  struct stat info {};
  if (!file || ::stat(path(hash).c_str(), &info) != 0) return not_found("there is no artifact ", hash);
  return std::unique_ptr<ArtifactReader>(
      new ArtifactReader(hash, path(hash), std::move(file), info.st_size, info.st_ino));
}

bool ArtifactStore::discard(const ArtifactReader& reader) {
  const std::lock_guard lock(places_);
  struct stat info {};
  return ::stat(reader.path_.c_str(), &info) == 0 && info.st_ino == reader.inode_ &&
         ::unlink(reader.path_.c_str()) == 0;
}

Result<std::string> ArtifactStore::read(const Sha256& hash) const {
  if (!is_hash(hash.value())) return bad_hash(hash);
  if (!exists(hash)) return not_found("there is no artifact ", hash);
  return read_file(path(hash));
}

bool ArtifactStore::exists(const Sha256& hash) const {
  std::error_code error;
  return is_hash(hash.value()) && std::filesystem::is_regular_file(path(hash), error);
}

bool ArtifactStore::claim(const Sha256& hash) {
  const std::lock_guard lock(places_);
  return exists(hash) && ::utimensat(AT_FDCWD, path(hash).c_str(), used_now(times_).data(), 0) == 0;
}

Result<std::vector<StoredArtifact>> ArtifactStore::list() const { return list_files(root_); }

WallTime ArtifactStore::used(const Sha256& hash) const {
  struct stat info {};
  return ::stat(path(hash).c_str(), &info) == 0 ? used_time(info) : WallTime::max();
}

std::optional<int64_t> ArtifactStore::remove(const Sha256& hash, WallTime unused_since) {
  const std::lock_guard lock(places_);
  struct stat info {};
  if (!is_hash(hash.value()) || ::stat(path(hash).c_str(), &info) != 0) return std::nullopt;
  if (used_time(info) >= unused_since || ::unlink(path(hash).c_str()) != 0) return std::nullopt;
  return info.st_size;
}

ArtifactStore::Stale ArtifactStore::stale_uploads(WallTime unused_since, bool remove) {
  Stale stale;
  std::error_code error;
  const std::filesystem::path incoming = root_ / kTemporaryFolder;
  for (std::filesystem::directory_iterator it(incoming, error), end; !error && it != end; it.increment(error)) {
    struct stat info {};
    if (::stat(it->path().c_str(), &info) != 0 || used_time(info) >= unused_since) continue;
    if (remove && ::unlink(it->path().c_str()) != 0) continue;
    ++stale.files;
    stale.bytes += info.st_size;
  }
  return stale;
}

}  // namespace autonorm::store
