#include "coordinator/plot/gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "core/base/durable_file.h"
#include "core/base/text.h"

extern char** environ;

namespace autonorm::plot {
namespace {

std::string terminal(const Figure& figure, ImageFormat format) {
  if (format == ImageFormat::kSvg) {
    return cat("set terminal svg noenhanced size ", figure.width, ",", figure.height,
               " dynamic font 'Arial,13' background rgb 'white'\n");
  }
  // Twice the pixels of the screen: sharp in print.
  return cat("set terminal pngcairo noenhanced size ", 2 * figure.width, ",", 2 * figure.height,
             " font 'Arial,13' fontscale 2 linewidth 2 pointscale 2 background rgb 'white'\n");
}

// Memory with a file descriptor: a child may write any amount while nobody reads yet.
Fd memory_file(const char* name, const std::string& content = {}) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  size_t written = 0;
  while (file.valid() && written < content.size()) {
    const ssize_t n =
        ::pwrite(file.get(), content.data() + written, content.size() - written, static_cast<off_t>(written));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Fd();
    written += static_cast<size_t>(n);
  }
  return file;
}

std::string content_of(const Fd& file) {
  std::string content;
  std::array<char, 65536> buffer{};
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(file.get(), buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return content;
    content.append(buffer.data(), static_cast<size_t>(n));
    at += n;
  }
}

// Exit status of `program -d` (without anybody's start-up file) with these three streams; -1: it could not be started.
int run_with_streams(const std::string& program, const Fd& in, const Fd& out, const Fd& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.get(), STDERR_FILENO);
  std::string name = program, flag = "-d";
  char* arguments[] = {name.data(), flag.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    errno = error;
    return -1;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<Gnuplot> Gnuplot::find(const std::string& search_path) {
  std::stringstream folders(search_path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::filesystem::path candidate = std::filesystem::path(folder.empty() ? "." : folder) / "gnuplot";
    if (::access(candidate.c_str(), X_OK) == 0) return Gnuplot(candidate);
  }
  return not_found(
      "pictures need the program gnuplot, which is not in PATH; install it (Debian: apt-get install "
      "gnuplot-nox, or run deploy/setup), or take the data with: coordinator plot --format data");
}

std::string Gnuplot::full_script(const Figure& figure, ImageFormat format, const std::string& output) {
  return terminal(figure, format) + (output.empty() ? "" : cat("set output '", output, "'\n")) + figure.script;
}

Result<std::string> Gnuplot::draw(const Figure& figure, ImageFormat format) const {
  const Fd in = memory_file("figure", full_script(figure, format, ""));
  const Fd out = memory_file("picture"), err = memory_file("messages");
  if (!in.valid() || !out.valid() || !err.valid()) return internal("no memory for drawing ", figure.name);
  const int status = run_with_streams(program_.string(), in, out, err);
  if (status < 0) return internal("cannot start ", program_.string(), ": ", std::string(std::strerror(errno)));
  std::string picture = content_of(out);
  if (status != 0 || picture.empty()) {
    return internal(program_.string(), " could not draw ", figure.name, " (exit status ", status,
                    "): ", content_of(err));
  }
  return picture;
}

}  // namespace autonorm::plot
