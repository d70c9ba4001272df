#include "coordinator/store/artifact_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

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

}  // namespace

ArtifactWriter::ArtifactWriter(std::filesystem::path temporary, std::filesystem::path target, Sha256 expected, Fd file,
                               std::mutex& places)
    : places_(places),
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
  return {};
}

Status ArtifactWriter::finish() {
  const Sha256 actual = hash_.finish();
  if (actual != expected_) {
    return invalid("the upload of artifact ", expected_, " arrived with hash ", actual, " (", bytes_,
                   " bytes); it was dropped, send it again");
  }
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

ArtifactReader::ArtifactReader(std::filesystem::path path, std::ifstream file, int64_t bytes)
    : path_(std::move(path)), file_(std::move(file)), bytes_(bytes) {}

Result<std::string> ArtifactReader::read(size_t limit) {
  std::string piece(limit, '\0');
  file_.read(piece.data(), static_cast<std::streamsize>(limit));
  if (file_.bad()) return system_error(cat("reading ", path_.string()), EIO);
  piece.resize(static_cast<size_t>(file_.gcount()));
  return piece;
}

Result<std::unique_ptr<ArtifactStore>> ArtifactStore::open(std::filesystem::path root) {
  std::error_code error;
  const std::filesystem::path incoming = root / kTemporaryFolder;
  std::filesystem::remove_all(incoming, error);
  if (error) return directory_error("removing unfinished uploads", root, error.value());
  std::filesystem::create_directories(incoming, error);
  if (error) return directory_error("creating it", root, error.value());
  return std::unique_ptr<ArtifactStore>(new ArtifactStore(std::move(root)));
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
      new ArtifactWriter(temporary, path(expected), expected, std::move(file), places_));
}

Result<std::unique_ptr<ArtifactReader>> ArtifactStore::open_reader(const Sha256& hash) const {
  if (!is_hash(hash.value())) return bad_hash(hash);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path(hash), error);
  std::ifstream file(path(hash), std::ios::binary);
  if (error || !file) return not_found("there is no artifact ", hash);
  return std::unique_ptr<ArtifactReader>(new ArtifactReader(path(hash), std::move(file), static_cast<int64_t>(bytes)));
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
  return exists(hash) && ::utimensat(AT_FDCWD, path(hash).c_str(), nullptr, 0) == 0;
}

Result<std::vector<StoredArtifact>> ArtifactStore::list() const {
  std::vector<StoredArtifact> found;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    Sha256 hash(it->path().filename());
    if (!is_hash(hash.value())) continue;
    struct stat info {};
    if (::stat(it->path().c_str(), &info) == 0) found.push_back({std::move(hash), info.st_size, used_time(info)});
  }
  if (error) return directory_error("listing the artifacts", root_, error.value());
  return found;
}

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
