#include "tests/soak/fake_fleet.h"

#include <grpcpp/create_channel.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "autonorm/v1/fleet.grpc.pb.h"
#include "core/base/text.h"
#include "core/messages/fleet.h"
#include "proto/codec/fleet_codec.h"

namespace autonorm::soak {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kSessionsPerChannel = 64;

fleet::Hello hello_of_slot(int slot) {
  fleet::Hello hello;
  hello.worker = WorkerId(cat("fake-", slot));
  hello.incarnation = 1;
  hello.mpi_world = cat("world-", slot);
  hello.mpi_size = 1;
  hello.host = "fakehost";
  hello.pid = 1;
  hello.build = "fake";
  return hello;
}

std::shared_ptr<grpc::Channel> own_channel(const std::string& address, int number) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt("autonorm.channel", number);  // equal arguments would share one connection
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct FakeFleet::Shared {
  FleetOptions options;
  std::atomic<int64_t> started{0}, stopped{0}, lost{0};
  std::atomic<bool> ending{false};
  mutable std::mutex mutex;
  std::condition_variable gone;
  int open = 0;                // guarded by mutex
  std::vector<double> ack_ms;  // guarded by mutex
};

class FakeFleet::Session final : public grpc::ClientBidiReactor<v1::WorkerMessage, v1::CoordinatorMessage> {
 public:
  Session(std::shared_ptr<Shared> shared, const std::shared_ptr<grpc::Channel>& channel, int slot)
      : shared_(std::move(shared)), stub_(v1::Fleet::NewStub(channel)) {
    {
      const std::lock_guard lock(shared_->mutex);
      ++shared_->open;
    }
    stub_->async()->Session(&context_, this);
    send(hello_of_slot(slot));
    StartRead(&incoming_);
    StartCall();
  }

  void cancel() { context_.TryCancel(); }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok) write_next();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (const auto message = codec::decode(incoming_); message.ok()) take(*message);
    StartRead(&incoming_);
  }

  void OnDone(const grpc::Status&) override {
    if (!shared_->ending) ++shared_->lost;
    const auto shared = shared_;
    const std::lock_guard lock(shared->mutex);
    if (--shared->open == 0) shared->gone.notify_all();
  }

 private:
  void take(const fleet::ToWorker& message) {
    if (const auto* start = std::get_if<fleet::Start>(&message)) {
      ++shared_->started;
      begin(start->key);
    } else if (const auto* stop = std::get_if<fleet::Stop>(&message)) {
      ++shared_->stopped;
      send(fleet::SlotFree{stop->key});
    } else if (const auto* ack = std::get_if<fleet::Ack>(&message)) {
      acknowledged(*ack);
    }
  }

  void begin(const fleet::AttemptKey& key) {
    send(fleet::Event{key, Seq(1), fleet::Ready{"joined", ""}});
    if (shared_->options.conduct == Conduct::kHold) return;
    fleet::Metrics metrics;
    for (int step = 1; step <= shared_->options.points; ++step) {
      metrics.points.push_back({"train/loss", step, 1.0 / step});
    }
    send(fleet::Event{key, Seq(2), metrics});
    fleet::Finished finished;
    finished.results = {{"test/accuracy", 0.75}};
    {
      const std::lock_guard lock(mutex_);
      sent_[key.trial] = SteadyClock::now();
    }
    send(fleet::Event{key, kLast, finished});
    send(fleet::SlotFree{key});
  }

  void acknowledged(const fleet::Ack& ack) {
    if (ack.seq < kLast) return;
    std::chrono::duration<double, std::milli> span{};
    {
      const std::lock_guard lock(mutex_);
      const auto sent = sent_.find(ack.key.trial);
      if (sent == sent_.end()) return;
      span = SteadyClock::now() - sent->second;
      sent_.erase(sent);
    }
    const std::lock_guard lock(shared_->mutex);
    shared_->ack_ms.push_back(span.count());
  }

  void send(const fleet::ToCoordinator& message) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(codec::encode(message));
    write_next();
  }

  // Requires mutex_.
  void write_next() {
    if (writing_ || queue_.empty()) return;
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    writing_ = true;
    StartWrite(&outgoing_);
  }

  static inline const Seq kLast{3};  // the event that ends a trial

  const std::shared_ptr<Shared> shared_;
  const std::unique_ptr<v1::Fleet::Stub> stub_;
  grpc::ClientContext context_;
  v1::CoordinatorMessage incoming_;
  std::mutex mutex_;
  bool writing_ = false;  // guarded by mutex_, like the rest
  std::deque<v1::WorkerMessage> queue_;
  v1::WorkerMessage outgoing_;
  std::map<TrialId, SteadyClock::time_point> sent_;
};

FakeFleet::FakeFleet(const FleetOptions& options) : shared_(std::make_shared<Shared>()) {
  shared_->options = options;
  std::shared_ptr<grpc::Channel> channel;
  for (int slot = 0; slot < options.workers; ++slot) {
    if (slot % kSessionsPerChannel == 0) channel = own_channel(options.address, slot / kSessionsPerChannel);
    sessions_.push_back(std::make_shared<Session>(shared_, channel, slot));
  }
}

FakeFleet::~FakeFleet() {
  shared_->ending = true;
  for (const auto& session : sessions_) session->cancel();
  std::unique_lock lock(shared_->mutex);
  shared_->gone.wait(lock, [this] { return shared_->open == 0; });
}

int64_t FakeFleet::started() const { return shared_->started; }
int64_t FakeFleet::stopped() const { return shared_->stopped; }
int64_t FakeFleet::lost() const { return shared_->lost; }

std::vector<double> FakeFleet::ack_ms() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->ack_ms;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto index = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  const auto place = values.begin() + std::clamp<std::ptrdiff_t>(index, 0, std::ssize(values) - 1);
  std::ranges::nth_element(values, place);
  return *place;
}

}  // namespace autonorm::soak
