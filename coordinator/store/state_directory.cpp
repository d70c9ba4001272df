#include "coordinator/store/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace autonorm::store {
namespace {

struct NetworkFileSystem {
  int64_t type;
  std::string_view name;
};
// Magic numbers of statfs(2).
constexpr std::array kNetworkFileSystems = {
    NetworkFileSystem{0x6969, "NFS"},      NetworkFileSystem{0x0BD00BD0, "Lustre"},
    NetworkFileSystem{0x47504653, "GPFS"}, NetworkFileSystem{0x19830326, "BeeGFS"},
    NetworkFileSystem{0xFF534D42, "CIFS"}, NetworkFileSystem{0xFE534D42, "SMB2"},
    NetworkFileSystem{0x517B, "SMB"},      NetworkFileSystem{0x00C36400, "Ceph"},
    NetworkFileSystem{0x5346414F, "AFS"},
};

std::string read_pid(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, n > 0 ? static_cast<size_t>(n) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

Result<Fd> take_lock(const std::filesystem::path& dir) {
  const std::filesystem::path file = dir / "autonorm.lock";
  // Inherited by no child: a worker started by `coordinator run` must not keep the lock alive.
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return directory_error("creating autonorm.lock", dir, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return directory_error("locking autonorm.lock", dir, errno);
    return conflict("state directory ", dir.string(), " is in use by another coordinator (pid ", read_pid(fd.get()),
                    "); stop that one, or choose another folder with --state");
  }
  const std::string pid = cat(::getpid(), "\n");
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return directory_error("writing autonorm.lock", dir, errno);
  }
  return fd;
}

}  // namespace

Status check_file_system(int64_t type, const std::filesystem::path& dir) {
  for (const NetworkFileSystem& system : kNetworkFileSystems) {
    if (system.type != (type & 0xFFFFFFFF)) continue;
    return invalid("state directory ", dir.string(), " is on ", system.name,
                   ", where a database cannot be locked dependably; choose a folder on a local disk with --state");
  }
  return {};
}

Status directory_error(std::string_view what, const std::filesystem::path& dir, int error_number) {
  const std::string text = cat("state directory ", dir.string(), ": ", what, ": ", std::strerror(error_number));
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return exhausted(text, "; free space there, or choose another folder with --state");
    case EROFS:
    case EACCES:
    case EPERM:
      return invalid(text, "; make it writable, or choose another folder with --state");
    case ENOTDIR:
    case EEXIST:
      return invalid(text, "; a file is in the way, choose another folder with --state");
    default:
      return Status(system_error("", error_number).code(), cat(text, "; choose another folder with --state"));
  }
}

Result<StateDirectory> StateDirectory::lock(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return directory_error("creating it", dir, error.value());
  const std::filesystem::path path = std::filesystem::canonical(dir, error);
  if (error) return directory_error("finding it", dir, error.value());
  struct statfs info {};
  if (::statfs(path.c_str(), &info) != 0) return directory_error("looking at its file system", path, errno);
  AUTONORM_RETURN_IF_ERROR(check_file_system(static_cast<int64_t>(info.f_type), path));
  auto fd = take_lock(path);
  if (!fd.ok()) return fd.status();
  return StateDirectory(path, std::move(fd).value());
}

}  // namespace autonorm::store
