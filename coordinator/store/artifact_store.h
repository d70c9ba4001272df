// Files addressed by the SHA-256 of their content: DIR/artifacts/ab/abcdef…. A file is there whole or not at all.
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/store/artifact_times.h"
#include "core/base/clock.h"
#include "core/base/durable_file.h"
#include "core/base/ids.h"
#include "core/base/sha256.h"
#include "core/base/status.h"

namespace autonorm::store {

// One upload. Not thread-safe. Destroyed without finish(), it leaves nothing behind.
class ArtifactWriter {
 public:
  ~ArtifactWriter();
  ArtifactWriter(const ArtifactWriter&) = delete;
  ArtifactWriter& operator=(const ArtifactWriter&) = delete;

  // kExhausted when the disk is full.
  Status write(std::string_view bytes);
  // Verifies the hash, makes the file durable and puts it in its place. kInvalid: the bytes have another hash.
  Status finish();
  int64_t bytes() const { return bytes_; }

 private:
  friend class ArtifactStore;
  ArtifactWriter(std::filesystem::path temporary, std::filesystem::path target, Sha256 expected, Fd file,
                 std::mutex& places, const ArtifactTimes& times);
  void mark_used();

  std::mutex& places_;          // of the store, which must outlive the writer
  const ArtifactTimes& times_;  // likewise
  std::filesystem::path temporary_, target_;
  Sha256 expected_;
  Fd file_;
  Sha256Stream hash_;
  int64_t bytes_ = 0;
  bool placed_ = false;
};

// One download, in pieces of the caller's size. Not thread-safe.
class ArtifactReader {
 public:
  // The next piece, at most `limit` bytes; empty at the end. kInvalid, at the end: what was read is not the artifact.
  Result<std::string> read(size_t limit);
  int64_t bytes() const { return bytes_; }  // of the whole file

 private:
  friend class ArtifactStore;
  ArtifactReader(Sha256 hash, std::filesystem::path path, std::ifstream file, int64_t bytes, uint64_t inode);
  Sha256 hash_;
  std::filesystem::path path_;
  std::ifstream file_;
  int64_t bytes_ = 0;
  uint64_t inode_ = 0;
  Sha256Stream digest_;
  bool verified_ = false;
};

struct StoredArtifact {
  Sha256 hash;
  int64_t bytes = 0;
  WallTime used{};  // when it was stored, or offered again; as of ArtifactTimes
};

// Thread-safe.
class ArtifactStore {
 public:
  // Creates `root` when it is missing and removes unfinished uploads of an earlier process. `clock` must outlive it.
  static Result<std::unique_ptr<ArtifactStore>> open(std::filesystem::path root, const Clock& clock);

  // `expected`: 64 hex digits, else kInvalid. Several writers of one hash may run at once; the last one in wins, with
  // equal bytes.
  Result<std::unique_ptr<ArtifactWriter>> create(const Sha256& expected);
  // kNotFound when there is no such artifact.
  Result<std::unique_ptr<ArtifactReader>> open_reader(const Sha256& hash) const;
  Result<std::string> read(const Sha256& hash) const;  // small ones, such as manifests
  bool exists(const Sha256& hash) const;
  // As exists(), and from now on it counts as used just now: an upload that need not be sent protects what is there.
  bool claim(const Sha256& hash);

  // Removes the file that `reader` has found damaged, so that the same artifact can be stored again. False when another
  // one is in its place by now.
  bool discard(const ArtifactReader& reader);

  // What was used before this has not been used for `age` (ArtifactTimes).
  WallTime unused_since(std::chrono::microseconds age) const { return times_.unused_since(age); }
  // Every artifact, in no order; unfinished uploads are not among them.
  Result<std::vector<StoredArtifact>> list() const;
  // When it was used last; the end of time when there is no such artifact.
  WallTime used(const Sha256& hash) const;
  // Removes it unless it was used since `unused_since`; the bytes it had, or nothing when it stays.
  std::optional<int64_t> remove(const Sha256& hash, WallTime unused_since);
  // Unfinished uploads that nobody has written to since then: how many bytes; removed if asked to.
  struct Stale {
    int64_t files = 0, bytes = 0;
  };
  Stale stale_uploads(WallTime unused_since, bool remove);
  std::filesystem::path path(const Sha256& hash) const;  // root/ab/<hash>

 private:
  ArtifactStore(std::filesystem::path root, const Clock& clock, WallTime newest)
      : root_(std::move(root)), times_(clock, newest) {}
  std::filesystem::path root_;
  const ArtifactTimes times_;
  std::mutex places_;  // a file is not claimed or put in its place while it is removed
};

}  // namespace autonorm::store
