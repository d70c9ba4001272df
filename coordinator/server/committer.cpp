#include "coordinator/server/committer.h"

#include "coordinator/store/store.h"
#include "core/base/log.h"

namespace autonorm::server {
namespace {

constexpr std::chrono::milliseconds kCommitRetry{250};

}  // namespace

bool Committer::commit(std::span<const engine::Change> changes, const std::function<void()>& meanwhile) {
  while (true) {
    const Status status = store_.commit(changes);
    if (status.ok()) {
      set_trouble(std::nullopt);
      return true;
    }
    if (status.code() != Code::kExhausted && status.code() != Code::kUnavailable) {
      on_fatal_(status.with_context("writing the database"));
      return false;
    }
    set_trouble(cat(status.message(), ", work goes on by itself"));
    meanwhile();
    inbox_.pause(kCommitRetry);
    if (inbox_.closed()) return false;
  }
}

std::optional<std::string> Committer::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void Committer::set_trouble(std::optional<std::string> text) {
  const std::lock_guard lock(mutex_);
  if (text != trouble_) {
    if (text) {
      log_error(*text);
    } else {
      log_info("the database can be written again");
    }
  }
  trouble_ = std::move(text);
}

}  // namespace autonorm::server
