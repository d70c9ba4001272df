#include "worker/agent/delivery/event_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "core/base/failpoint.h"
#include "core/base/log.h"

namespace autonorm::agent {
namespace {

constexpr std::string_view kBase = "{\"base\":";

bool must_be_durable(const fleet::EventBody& body) {
  return is_terminal(body) || std::holds_alternative<fleet::CheckpointSaved>(body);
}

}  // namespace

Result<EventSpool> EventSpool::open(const std::filesystem::path& folder, int64_t compact_bytes) {
  EventSpool spool;
  spool.compact_bytes_ = compact_bytes;
  spool.path_ = folder / "events.jsonl";
  std::error_code error;
  const bool existed = std::filesystem::exists(spool.path_, error);
  spool.file_.reset(::open(spool.path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!spool.file_.valid()) return system_error(cat("opening ", spool.path_.string()), errno);
  if (!existed) AUTONORM_RETURN_IF_ERROR(sync_path(folder));
  AUTONORM_RETURN_IF_ERROR(spool.recover());
  return spool;
}

// Walks the lines that an earlier process left; the first that is not one ends the spool.
Status EventSpool::recover() {
  const auto content = read_file(path_);
  if (!content.ok()) return content.status();
  std::string_view rest = *content;
  if (rest.starts_with(kBase)) {
    int64_t base = 0;
    const char* digits = rest.data() + kBase.size();
    const auto [end, error] = std::from_chars(digits, rest.data() + rest.size(), base);
    const std::string_view ending = rest.substr(static_cast<size_t>(end - rest.data()));
    if (error != std::errc() || !ending.starts_with("}\n"))
      return invalid(path_.string(), ": the first line is damaged");
    acked_ = Seq(base);
    size_ = end + 2 - rest.data();
    rest.remove_prefix(static_cast<size_t>(size_));
  }
  while (!rest.empty() && !terminal_) {
    const size_t end = rest.find('\n');
    const auto event = end == std::string_view::npos ? Result<SpooledEvent>(invalid("the line has no end"))
                                                     : decode_line(rest.substr(0, end));
    if (!event.ok() || event->seq != Seq(last().value() + 1)) break;
    unacked_.push_back({size_, static_cast<int64_t>(end)});
    size_ += static_cast<int64_t>(end) + 1;
    terminal_ = is_terminal(event->body);
    rest.remove_prefix(end + 1);
  }
  if (rest.empty()) return {};
  log_warning(path_.string(), ": ", rest.size(), " bytes after event ", last(), " are damaged and cut off");
  if (ftruncate(file_.get(), size_) != 0) return system_error(cat("cutting ", path_.string()), errno);
  return {};
}

Status EventSpool::append(fleet::EventBody body, std::vector<std::string> needs) {
  if (terminal_) return conflict("event after the end of the attempt in ", path_.string());
  const SpooledEvent event{Seq(last().value() + 1), std::move(body), std::move(needs)};
  const std::string line = encode_line(event) + "\n";
  pass(Failpoint::kSpoolBefore);
  // pwrite at the known end: after a short write (full disk) the next append overwrites the torn part.
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = pwrite(file_.get(), line.data() + done, line.size() - done, size_ + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(cat("writing ", path_.string()), errno);
    done += static_cast<size_t>(n);
  }
  if (must_be_durable(event.body) && fdatasync(file_.get()) != 0)
    return system_error(cat("syncing ", path_.string()), errno);
  unacked_.push_back({size_, static_cast<int64_t>(line.size()) - 1});
  size_ += static_cast<int64_t>(line.size());
  terminal_ = is_terminal(event.body);
  pass(Failpoint::kSpoolAfter);
  return {};
}

Status EventSpool::ack(Seq seq) {
  if (seq <= acked_ || seq > last()) return {};
  unacked_.erase(unacked_.begin(), unacked_.begin() + (seq.value() - acked_.value()));
  acked_ = seq;
  return unacked_.empty() && !terminal_ && size_ >= compact_bytes_ ? compact() : Status();
}

Status EventSpool::compact() {
  const std::string base = cat(kBase, acked_, "}\n");
  AUTONORM_RETURN_IF_ERROR(write_file_durably(path_, base));
  Fd fresh(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  if (!fresh.valid()) return system_error(cat("opening ", path_.string()), errno);
  file_ = std::move(fresh);
  size_ = static_cast<int64_t>(base.size());
  return {};
}

Result<std::optional<SpooledEvent>> EventSpool::read(Seq seq) const {
  if (seq <= acked_ || seq > last()) return std::optional<SpooledEvent>();
  const Extent& extent = unacked_[static_cast<size_t>(seq.value() - acked_.value() - 1)];
  std::string line(static_cast<size_t>(extent.bytes), '\0');
  for (size_t done = 0; done < line.size();) {
    const ssize_t n =
        pread(file_.get(), line.data() + done, line.size() - done, extent.offset + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error(cat("reading ", path_.string()), n < 0 ? errno : EIO);
    done += static_cast<size_t>(n);
  }
  auto event = decode_line(line);
  if (!event.ok()) return event.status();
  return std::optional(*std::move(event));
}

}  // namespace autonorm::agent
