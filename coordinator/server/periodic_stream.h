// A server stream of gRPC's callback API that looks at something, sends what is new, waits half a second, and looks
// again; until there is nothing more to tell or the client is gone. Deletes itself.
#pragma once
#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <memory>
#include <mutex>

#include "coordinator/server/grpc_deadline.h"
#include "coordinator/server/grpc_status.h"
#include "coordinator/server/request_pool.h"
#include "core/base/status.h"

namespace autonorm::server {

enum class Look {
  kNothingNew,  // look again in half a second
  kSend,        // send, then wait
  kSendMore,    // send, then look again at once
  kSendLast,    // send, then end the stream
};

// The chain begin → look → (write →) pause → look …: one link at a time, each ending in the next or in Finish.
template <class Update>
class PeriodicStream : public grpc::ServerWriteReactor<Update> {
 public:
  void OnWriteDone(bool ok) final {
    if (!ok || next_ == Look::kSendLast) return this->Finish(grpc::Status::OK);
    next_ == Look::kSendMore ? post(&PeriodicStream::look_again) : pause();
  }
  void OnCancel() final {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (alarm_) alarm_->Cancel();
  }
  void OnDone() final { delete this; }

 protected:
  // `pool` runs begin() and look(), and must outlive the stream.
  explicit PeriodicStream(RequestPool& pool) : pool_(pool) {}
  // Called once, at the end of the constructor of the class that is created.
  void start() { post(&PeriodicStream::look_first); }

  virtual Status begin() = 0;
  // Fills in `update`, which is empty; a failure ends the stream.
  virtual Result<Look> look(Update& update) = 0;

 private:
  static constexpr std::chrono::milliseconds kPause{500};

  void post(void (PeriodicStream::*step)()) {
    if (!pool_.post([this, step] { (this->*step)(); })) this->Finish(to_grpc(too_many_requests()));
  }

  void look_first() {
    if (const Status status = begin(); !status.ok()) return this->Finish(to_grpc(status));
    look_again();
  }

  void look_again() {
    if (is_cancelled()) return this->Finish(grpc::Status::CANCELLED);
    update_.Clear();
    const auto found = look(update_);
    if (!found.ok()) return this->Finish(to_grpc(found.status()));
    next_ = *found;
    if (next_ == Look::kNothingNew) return pause();
    this->StartWrite(&update_);
  }

  bool is_cancelled() {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

  void pause() {
    std::unique_lock lock(mutex_);
    if (cancelled_) {
      lock.unlock();
      return this->Finish(grpc::Status::CANCELLED);
    }
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(grpc_deadline(kPause), [this](bool expired) {
      expired ? post(&PeriodicStream::look_again) : this->Finish(grpc::Status::CANCELLED);
    });
  }

  RequestPool& pool_;
  Update update_;
  Look next_ = Look::kNothingNew;  // after the write under way

  std::mutex mutex_;
  std::unique_ptr<grpc::Alarm> alarm_;  // guarded by mutex_; a new one for each pause
  bool cancelled_ = false;              // guarded by mutex_
};

}  // namespace autonorm::server
