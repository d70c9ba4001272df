// A disk that can lose power or refuse to write, for SQLite: a VFS on top of the system's own, installed as the default
// one, so that the real store runs on it unchanged. fsync is only noted, not carried out: runs are fast, and what a
// power cut would leave is known exactly.
//
// A power cut keeps of every file its bytes at the last sync, and of what was written since then any part: writes are
// kept or dropped independently of each other, sector by sector (512 bytes).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace autonorm::testing {

enum class DiskFault { kFull, kInputOutput };

// Thread-safe. One per process at a time; connections must be closed before it is destroyed.
class FaultDisk {
 public:
  FaultDisk();
  ~FaultDisk();
  FaultDisk(const FaultDisk&) = delete;
  FaultDisk& operator=(const FaultDisk&) = delete;

  // Writes, truncations, syncs and deletions since the start.
  int64_t operations() const;

  // At the `nth` operation from now (1 = the next) what a power cut would leave is remembered; the program goes on, its
  // further writes are in vain. `random(n)` gives numbers in 0 … n-1.
  void cut_power_at(int64_t nth, std::function<uint32_t(uint32_t)> random);
  bool was_cut() const;
  // Puts what the cut left in place of the files, and forgets the cut. No connection may be open.
  void come_back();
  void forget_cut();

  // From the `nth` write from now on (1 = the next) every write, truncation and sync fails, until heal().
  void fail_from(int64_t nth, DiskFault fault);
  void heal();
  int64_t failures() const;  // since the last fail_from()

 private:
  friend struct FaultFile;
  friend struct FaultCalls;
  struct Write {
    int64_t offset = 0;  // of the bytes; the new size when `truncates`
    std::string bytes;
    bool truncates = false;
  };
  struct Disk {
    std::optional<std::string> durable;  // bytes that survive; absent = the file does not exist for sure
    bool deleted = false;                // since the last sync
    std::vector<Write> pending;          // in order, since the last sync
  };
  using Image = std::map<std::string, std::optional<std::string>>;  // absent = no such file

  // Each returns an SQLite error code, 0 = go on.
  int note_open(const std::string& path);
  int note_write(const std::string& path, Write write);
  int note_sync(const std::string& path);
  int note_delete(const std::string& path, bool durably);
  int next_operation_locked(int code_for_input_output);
  void take_image_locked();
  std::optional<std::string> after_cut(const Disk& disk) const;

  mutable std::mutex mutex_;
  std::map<std::string, Disk> disks_;  // by path
  int64_t operations_ = 0, cut_at_ = 0, fail_at_ = 0, failures_ = 0;
  DiskFault fault_{};
  std::function<uint32_t(uint32_t)> random_;
  std::optional<Image> image_;
  struct Registration;
  std::unique_ptr<Registration> registration_;
};

}  // namespace autonorm::testing
