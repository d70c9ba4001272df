#include "worker/agent/delivery/work_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/base/failpoint.h"
#include "core/base/folder_bytes.h"
#include "core/base/log.h"

namespace autonorm::agent {
namespace {

namespace fs = std::filesystem;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

template <class Number>
bool parse(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Status make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) return {};
  return system_error(cat("making the folder ", path.string()), error.value())
      .with_context("the worker needs a folder that it can write; choose one with --work-dir");
}

// Holds the lock for the descriptor's life; the file says who.
Result<Fd> take_lock(const fs::path& path) {
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.valid()) return system_error(cat("opening ", path.string()), errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_file(path);
    return conflict("the work-dir ", path.parent_path().string(), " is in use by process ",
                    holder.ok() ? trimmed(*holder) : "?", "; give this worker another --work-dir or stop that one");
  }
  if (ftruncate(lock.get(), 0) != 0) return system_error(cat("writing ", path.string()), errno);
  AUTONORM_RETURN_IF_ERROR(write_all(lock.get(), cat(getpid(), "\n"), path.string()));
  return lock;
}

Result<WorkerId> stable_id(const fs::path& path, const std::string& fresh_id) {
  const auto text = read_file(path);
  if (text.ok() && !trimmed(*text).empty()) return WorkerId(trimmed(*text));
  if (!text.ok() && text.status().code() != Code::kNotFound) return text.status();
  AUTONORM_RETURN_IF_ERROR(write_file_durably(path, fresh_id + "\n"));
  return WorkerId(fresh_id);
}

Result<int64_t> next_incarnation(const fs::path& path) {
  int64_t last = 0;
  if (const auto text = read_file(path); text.ok() && !parse(trimmed(*text), last)) {
    return internal(path.string(),
                    " does not hold a number; remove it together with worker-id to start as a new worker");
  }
  AUTONORM_RETURN_IF_ERROR(write_file_durably(path, cat(last + 1, "\n")));
  return last + 1;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    found.push_back(it->path());
  std::sort(found.begin(), found.end());
  return found;
}

int attempt_number(const fs::path& folder) {
  constexpr std::string_view kPrefix = "attempt-";
  const std::string name = folder.filename();
  int number = 0;
  return name.starts_with(kPrefix) && parse(std::string_view(name).substr(kPrefix.size()), number) ? number : 0;
}

void remove_logged(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) log_warning("removing ", path.string(), ": ", error.message());
}

}  // namespace

Result<WorkDir> WorkDir::open(const fs::path& parent, int rank, const std::string& fresh_id,
                              const Retention& retention) {
  WorkDir dir;
  dir.retention_ = retention;
  std::error_code error;
  dir.path_ = fs::absolute(parent, error) / cat("rank-", rank);
  AUTONORM_RETURN_IF_ERROR(make_folder(dir.path_ / "trials"));
  auto lock = take_lock(dir.path_ / "lock");
  if (!lock.ok()) return lock.status();
  dir.lock_ = *std::move(lock);
  auto worker = stable_id(dir.path_ / "worker-id", fresh_id);
  if (!worker.ok()) return worker.status();
  dir.worker_ = *worker;
  const auto incarnation = next_incarnation(dir.path_ / "incarnation");
  if (!incarnation.ok()) return incarnation.status();
  dir.incarnation_ = *incarnation;
  return dir;
}

fs::path WorkDir::folder(const fleet::AttemptKey& key) const {
  return path_ / "trials" / key.trial.value() / cat("attempt-", key.attempt);
}

Status WorkDir::create(const fleet::AttemptKey& key, std::string_view config) const {
  const fs::path where = folder(key);
  // What an earlier life of the same attempt number left belongs to another token and must not be mistaken for this
  // one's.
  std::error_code error;
  fs::remove_all(where, error);
  AUTONORM_RETURN_IF_ERROR(make_folder(where / "checkpoints"));
  AUTONORM_RETURN_IF_ERROR(write_file_durably(where / "trial.json", config));
  pass(Failpoint::kAttemptFolder);
  return write_file_durably(where / "token", key.token.value() + "\n");
}

std::vector<fleet::AttemptKey> WorkDir::open_attempts() const {
  std::vector<fleet::AttemptKey> found;
  for (const fs::path& trial : entries(path_ / "trials")) {
    for (const fs::path& attempt : entries(trial)) {
      const int number = attempt_number(attempt);
      if (number <= 0 || !fs::exists(attempt / "token")) continue;
      const auto token = read_file(attempt / "token");
      if (token.ok()) {
        found.push_back({TrialId(trial.filename()), Attempt(number), Token(trimmed(*token))});
      } else {
        log_warning("an attempt is passed over: ", token.status().message());
      }
    }
  }
  return found;
}

Status WorkDir::retire(const fleet::AttemptKey& key, bool keep_checkpoints) const {
  const fs::path where = folder(key);
  std::error_code error;
  fs::remove(where / "token", error);  // first: from here on it is not offered again
  if (error) return system_error(cat("removing ", (where / "token").string()), error.value());
  pass(Failpoint::kRetire);
  for (const fs::path& entry : entries(where)) {
    const std::string name = entry.filename();
    const bool keep = name.starts_with("log") || (name == "checkpoints" && keep_checkpoints);
    if (!keep) remove_logged(entry);
  }
  prune();
  return {};
}

void WorkDir::prune() const {
  std::vector<std::pair<fs::file_time_type, fs::path>> retired;
  for (const fs::path& trial : entries(path_ / "trials")) {
    for (const fs::path& attempt : entries(trial)) {
      std::error_code error;
      if (!fs::exists(attempt / "token", error)) retired.emplace_back(fs::last_write_time(attempt, error), attempt);
    }
  }
  std::sort(retired.rbegin(), retired.rend());
  size_t with_checkpoints = 0;
  int64_t checkpoint_bytes = 0;
  for (size_t i = 0; i < retired.size(); ++i) {
    const fs::path& attempt = retired[i].second;
    std::error_code error;
    if (i >= retention_.logs) {
      remove_logged(attempt);
      fs::remove(attempt.parent_path(), error);  // the trial's folder, when this was its last attempt
    } else if (fs::exists(attempt / "checkpoints", error)) {
      checkpoint_bytes += folder_bytes(attempt / "checkpoints");
      const bool too_many = ++with_checkpoints > retention_.checkpoints;
      const bool too_large = with_checkpoints > 1 && checkpoint_bytes > retention_.checkpoint_bytes;
      if (too_many || too_large) remove_logged(attempt / "checkpoints");
    }
  }
}

std::vector<fs::path> WorkDir::checkpoints(const TrialId& trial) const {
  std::vector<fs::path> attempts = entries(path_ / "trials" / trial.value());
  std::sort(attempts.begin(), attempts.end(),
            [](const fs::path& a, const fs::path& b) { return attempt_number(a) > attempt_number(b); });
  std::vector<fs::path> found;
  for (const fs::path& attempt : attempts) {
    for (const fs::path& checkpoint : entries(attempt / "checkpoints")) found.push_back(checkpoint);
  }
  return found;
}

}  // namespace autonorm::agent
