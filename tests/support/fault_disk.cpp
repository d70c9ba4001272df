#include "tests/support/fault_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/base/status.h"

namespace autonorm::testing {
namespace {

constexpr size_t kSector = 512;  // bytes; a disk writes one whole or not at all

std::optional<std::string> read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void overlay(std::string& bytes, int64_t offset, std::string_view piece) {
  const size_t end = static_cast<size_t>(offset) + piece.size();
  if (bytes.size() < end) bytes.resize(end, '\0');
  std::ranges::copy(piece, bytes.begin() + offset);
}

}  // namespace

// ---- what survives ----

std::optional<std::string> FaultDisk::after_cut(const Disk& disk) const {
  if (disk.deleted && random_(2) == 0) return std::nullopt;
  std::optional<std::string> content = disk.durable;
  for (const Write& write : disk.pending) {
    if (write.truncates) {
      if (content && random_(2) == 0) content->resize(static_cast<size_t>(write.offset), '\0');
      continue;
    }
    const uint32_t fate = random_(3);  // lost, written, torn
    if (fate == 0) continue;
    if (!content) content.emplace();
    for (size_t at = 0; at < write.bytes.size();) {
      const size_t in_sector = (static_cast<size_t>(write.offset) + at) % kSector;
      const size_t length = std::min(kSector - in_sector, write.bytes.size() - at);
      if (fate == 1 || random_(2) == 0)
        overlay(*content, write.offset + static_cast<int64_t>(at), std::string_view(write.bytes).substr(at, length));
      at += length;
    }
  }
  return content;
}

void FaultDisk::take_image_locked() {
  image_.emplace();
  for (const auto& [path, disk] : disks_) (*image_)[path] = after_cut(disk);
}

int FaultDisk::next_operation_locked(int code_for_input_output) {
  ++operations_;
  if (fail_at_ == 0 || operations_ < fail_at_) return SQLITE_OK;
  ++failures_;
  return fault_ == DiskFault::kFull ? SQLITE_FULL : code_for_input_output;
}

int FaultDisk::note_open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto [it, is_new] = disks_.try_emplace(path);
  if (is_new) it->second.durable = read_whole(path);
  return SQLITE_OK;
}

int FaultDisk::note_write(const std::string& path, Write write) {
  const std::lock_guard lock(mutex_);
  const int code = next_operation_locked(write.truncates ? SQLITE_IOERR_TRUNCATE : SQLITE_IOERR_WRITE);
  if (code != SQLITE_OK) return code;
  Disk& disk = disks_[path];
  if (disk.deleted) disk = Disk{};  // another file of the same name
  disk.pending.push_back(std::move(write));
  if (operations_ == cut_at_) take_image_locked();
  return SQLITE_OK;
}

int FaultDisk::note_sync(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const int code = next_operation_locked(SQLITE_IOERR_FSYNC);
  if (code != SQLITE_OK) {
    // What Linux does: the pages count as clean and never reach the disk, unless they are written again.
    disks_[path].pending.clear();
    return code;
  }
  if (operations_ == cut_at_) take_image_locked();
  Disk& disk = disks_[path];
  // The first sync of a new log or journal syncs its folder, too: deletions in it are final from then on.
  if (!disk.durable) {
    disk.durable.emplace();
    for (auto& [other, entry] : disks_) {
      if (entry.deleted) entry = Disk{};
    }
  }
  for (const Write& write : disk.pending) {
    if (write.truncates) {
      disk.durable->resize(static_cast<size_t>(write.offset), '\0');
    } else {
      overlay(*disk.durable, write.offset, write.bytes);
    }
  }
  disk.pending.clear();
  return SQLITE_OK;
}

int FaultDisk::note_delete(const std::string& path, bool durably) {
  const std::lock_guard lock(mutex_);
  ++operations_;
  if (operations_ == cut_at_) take_image_locked();
  Disk& disk = disks_[path];
  if (durably) {
    disk = Disk{};
  } else {
    disk.deleted = true;
  }
  return SQLITE_OK;
}

// ---- the VFS ----

// SQLite allocates it with the system's own file object behind it.
struct FaultFile {
  sqlite3_file base;
  FaultDisk* disk;  // null: a temporary file, which no crash has to spare
  char* path;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

struct FaultCalls {
  static FaultFile& self(sqlite3_file* file) { return *reinterpret_cast<FaultFile*>(file); }
  static sqlite3_file* real(sqlite3_file* file) { return self(file).real(); }
  static FaultDisk& disk_of(sqlite3_vfs* vfs);
  static sqlite3_vfs* real(sqlite3_vfs* vfs);

  static int close(sqlite3_file* file) {
    const int code = real(file)->pMethods->xClose(real(file));
    delete[] self(file).path;
    return code;
  }
  static int read(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
    return real(file)->pMethods->xRead(real(file), to, count, offset);
  }
  static int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
    FaultFile& f = self(file);
    if (f.disk) {
      const int code = f.disk->note_write(
          f.path, {.offset = offset, .bytes = {static_cast<const char*>(from), static_cast<size_t>(count)}});
      if (code != SQLITE_OK) return code;
    }
    return real(file)->pMethods->xWrite(real(file), from, count, offset);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    FaultFile& f = self(file);
    if (f.disk) {
      const int code = f.disk->note_write(f.path, {.offset = size, .bytes = {}, .truncates = true});
      if (code != SQLITE_OK) return code;
    }
    return real(file)->pMethods->xTruncate(real(file), size);
  }
  static int sync(sqlite3_file* file, int flags) {
    FaultFile& f = self(file);
    return f.disk ? f.disk->note_sync(f.path) : real(file)->pMethods->xSync(real(file), flags);
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return real(file)->pMethods->xFileSize(real(file), size);
  }
  static int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
  static int unlock(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
  static int check_lock(sqlite3_file* file, int* out) {
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
  }
  static int file_control(sqlite3_file* file, int what, void* value) {
    return real(file)->pMethods->xFileControl(real(file), what, value);
  }
  static int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
  static int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
  static int shm_unmap(sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

  static int open(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    const int code = disk_of(vfs).note_delete(path, sync_directory != 0);
    return code != SQLITE_OK ? code : real(vfs)->xDelete(real(vfs), path, 0);
  }
  static int access(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
    return real(vfs)->xAccess(real(vfs), path, flags, out);
  }
  static int full_path(sqlite3_vfs* vfs, const char* path, int size, char* out) {
    return real(vfs)->xFullPathname(real(vfs), path, size, out);
  }
  static int randomness(sqlite3_vfs* vfs, int size, char* out) { return real(vfs)->xRandomness(real(vfs), size, out); }
  static int wait(sqlite3_vfs* vfs, int microseconds) { return real(vfs)->xSleep(real(vfs), microseconds); }
  static int time_now(sqlite3_vfs* vfs, double* out) { return real(vfs)->xCurrentTime(real(vfs), out); }
  static int last_error(sqlite3_vfs* vfs, int size, char* out) {
    return real(vfs)->xGetLastError(real(vfs), size, out);
  }
  static int time_now_ms(sqlite3_vfs* vfs, sqlite3_int64* out) { return real(vfs)->xCurrentTimeInt64(real(vfs), out); }
};

namespace {

// Without xFetch: SQLite then reads through xRead.
const sqlite3_io_methods kFileCalls = {.iVersion = 2,
                                       .xClose = FaultCalls::close,
                                       .xRead = FaultCalls::read,
                                       .xWrite = FaultCalls::write,
                                       .xTruncate = FaultCalls::truncate,
                                       .xSync = FaultCalls::sync,
                                       .xFileSize = FaultCalls::file_size,
                                       .xLock = FaultCalls::lock,
                                       .xUnlock = FaultCalls::unlock,
                                       .xCheckReservedLock = FaultCalls::check_lock,
                                       .xFileControl = FaultCalls::file_control,
                                       .xSectorSize = FaultCalls::sector_size,
                                       .xDeviceCharacteristics = FaultCalls::characteristics,
                                       .xShmMap = FaultCalls::shm_map,
                                       .xShmLock = FaultCalls::shm_lock,
                                       .xShmBarrier = FaultCalls::shm_barrier,
                                       .xShmUnmap = FaultCalls::shm_unmap,
                                       .xFetch = nullptr,
                                       .xUnfetch = nullptr};

}  // namespace

struct FaultDisk::Registration {
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  FaultDisk* disk = nullptr;
};

FaultDisk& FaultCalls::disk_of(sqlite3_vfs* vfs) { return *static_cast<FaultDisk::Registration*>(vfs->pAppData)->disk; }
sqlite3_vfs* FaultCalls::real(sqlite3_vfs* vfs) { return static_cast<FaultDisk::Registration*>(vfs->pAppData)->real; }

int FaultCalls::open(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags) {
  FaultFile& f = self(file);
  constexpr int kKept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
  f.base.pMethods = nullptr;
  f.disk = (flags & kKept) && path ? &disk_of(vfs) : nullptr;
  f.path = nullptr;
  if (f.disk) f.disk->note_open(path);
  const int code = real(vfs)->xOpen(real(vfs), path, f.real(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  if (path) {
    f.path = new char[std::strlen(path) + 1];
    std::strcpy(f.path, path);
  }
  f.base.pMethods = &kFileCalls;
  return SQLITE_OK;
}

FaultDisk::FaultDisk() : registration_(std::make_unique<Registration>()) {
  Registration& r = *registration_;
  r.real = sqlite3_vfs_find(nullptr);
  AUTONORM_CHECK(r.real != nullptr, "SQLite has no default VFS");
  r.disk = this;
  r.vfs = *r.real;
  r.vfs.iVersion = 2;
  r.vfs.szOsFile = static_cast<int>(sizeof(FaultFile)) + r.real->szOsFile;
  r.vfs.pNext = nullptr;
  r.vfs.zName = "fault";
  r.vfs.pAppData = &r;
  r.vfs.xOpen = FaultCalls::open;
  r.vfs.xDelete = FaultCalls::remove;
  r.vfs.xAccess = FaultCalls::access;
  r.vfs.xFullPathname = FaultCalls::full_path;
  r.vfs.xRandomness = FaultCalls::randomness;
  r.vfs.xSleep = FaultCalls::wait;
  r.vfs.xCurrentTime = FaultCalls::time_now;
  r.vfs.xGetLastError = FaultCalls::last_error;
  r.vfs.xCurrentTimeInt64 = FaultCalls::time_now_ms;
  AUTONORM_CHECK(sqlite3_vfs_register(&r.vfs, 1) == SQLITE_OK, "SQLite refused the VFS");
}

FaultDisk::~FaultDisk() {
  sqlite3_vfs_unregister(&registration_->vfs);
  sqlite3_vfs_register(registration_->real, 1);
}

// ---- the test's side ----

int64_t FaultDisk::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void FaultDisk::cut_power_at(int64_t nth, std::function<uint32_t(uint32_t)> random) {
  const std::lock_guard lock(mutex_);
  cut_at_ = operations_ + nth;
  random_ = std::move(random);
  image_.reset();
}

bool FaultDisk::was_cut() const {
  const std::lock_guard lock(mutex_);
  return image_.has_value();
}

void FaultDisk::come_back() {
  const std::lock_guard lock(mutex_);
  AUTONORM_CHECK(image_.has_value(), "there was no power cut");
  for (const auto& [path, content] : *image_) {
    std::filesystem::remove(path + "-shm");
    if (content) {
      std::ofstream(path, std::ios::binary | std::ios::trunc) << *content;
    } else {
      std::filesystem::remove(path);
    }
  }
  disks_.clear();
  image_.reset();
  cut_at_ = 0;
}

void FaultDisk::forget_cut() {
  const std::lock_guard lock(mutex_);
  image_.reset();
  cut_at_ = 0;
}

void FaultDisk::fail_from(int64_t nth, DiskFault fault) {
  const std::lock_guard lock(mutex_);
  fail_at_ = operations_ + nth;
  fault_ = fault;
  failures_ = 0;
}

void FaultDisk::heal() {
  const std::lock_guard lock(mutex_);
  fail_at_ = 0;
}

int64_t FaultDisk::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace autonorm::testing
