#include "tests/bench/fake_fleet.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>

#include <deque>
#include <map>
#include <stdexcept>

#include "core/messages/fleet.h"

namespace autonorm::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kHeartbeat{2};
constexpr std::chrono::seconds kWelcomeLimit{30};

std::shared_ptr<grpc::Channel> open_channel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection per worker
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

v1::WorkerMessage hello(int worker, int rank, int ranks) {
  v1::WorkerMessage message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_protocol(fleet::kProtocolVersion);
  hello.set_worker("bench-" + std::to_string(worker) + "-" + std::to_string(rank));
  hello.set_incarnation(1);
  hello.set_mpi_world("world-" + std::to_string(worker));
  hello.set_mpi_rank(rank);
  hello.set_mpi_size(ranks);
  hello.set_host("host-" + std::to_string(worker));
  hello.set_pid(1);
  hello.mutable_device()->set_kind("cpu");
  hello.set_build("bench");
  return message;
}

v1::WorkerMessage event_of(const v1::AttemptKey& key, int64_t seq) {
  v1::WorkerMessage message;
  *message.mutable_event()->mutable_key() = key;
  message.mutable_event()->set_seq(seq);
  return message;
}

v1::WorkerMessage joined(const v1::AttemptKey& key) {
  v1::WorkerMessage message = event_of(key, 1);
  message.mutable_event()->mutable_ready()->set_state("joined");
  return message;
}

v1::WorkerMessage finished(const v1::AttemptKey& key) {
  v1::WorkerMessage message = event_of(key, 2);
  v1::Finished& result = *message.mutable_event()->mutable_finished();
  result.set_reason(v1::END_REASON_COMPLETED);
  v1::NamedNumber& value = *result.add_results();
  value.set_name("test/accuracy");
  // Differs from trial to trial, so that a report has something to compare.
  value.set_value(0.5 + 0.4 * static_cast<double>(std::hash<std::string>{}(key.trial()) % 1000) / 1000);
  v1::NamedText& fact = *result.add_facts();
  fact.set_name("order_sha256");
  fact.set_value(key.trial());
  return message;
}

v1::WorkerMessage slot_free(const v1::AttemptKey& key) {
  v1::WorkerMessage message;
  *message.mutable_slot_free()->mutable_key() = key;
  return message;
}

v1::WorkerMessage metrics(const v1::AttemptKey& key, int64_t seq, int points) {
  static const char* const kNames[] = {"train/loss", "train/accuracy", "train/lr", "train/grad_norm",
                                       "train/samples_per_s"};
  v1::WorkerMessage message = event_of(key, seq);
  v1::Metrics& body = *message.mutable_event()->mutable_metrics();
  for (int i = 0; i < points; ++i) {
    v1::MetricPoint& point = *body.add_points();
    point.set_metric(kNames[i % 5]);
    point.set_step((seq - 2) * points + i / 5);
    point.set_value(1.0 / (1 + i));
  }
  return message;
}

}  // namespace

// gRPC calls the reactions; push() and send_metrics() come from other threads.
class FakeStream final : public grpc::ClientBidiReactor<v1::WorkerMessage, v1::CoordinatorMessage> {
 public:
  FakeStream(FakeFleet& fleet, v1::Fleet::Stub& stub, v1::WorkerMessage hello) : fleet_(fleet) {
    stub.async()->Session(&context_, this);
    StartRead(&incoming_);
    AddHold();  // writes start outside of reactions too
    push({std::move(hello)});
    StartCall();
  }

  void stop() {
    context_.TryCancel();
    RemoveHold();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

  // In one flush where they fit.
  void push(std::vector<v1::WorkerMessage> messages) {
    const std::lock_guard lock(mutex_);
    for (v1::WorkerMessage& message : messages) queue_.push_back(std::move(message));
    write_next();
  }
  void heartbeat() {
    v1::WorkerMessage message;
    message.mutable_heartbeat();
    push({std::move(message)});
  }
  // One event, unless no trial has come or too many are unacknowledged.
  void send_metrics() {
    const std::lock_guard lock(mutex_);  // throughout: events leave in the order of their numbers
    if (!has_trial_ || std::cmp_greater_equal(unacked_.size(), fleet_.load_.window)) return;
    const int64_t seq = ++last_seq_;
    unacked_[seq] = steady_clock::now();
    queue_.push_back(metrics(trial_, seq, fleet_.load_.points));
    write_next();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    take(incoming_);
    StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok) write_next();
  }
  void OnDone(const grpc::Status&) override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

 private:
  void take(const v1::CoordinatorMessage& message) {
    if (message.has_welcome()) fleet_.welcomed();
    if (message.has_start()) begin(message.start().key());
    if (message.has_ack()) acknowledged(message.ack());
  }

  void begin(const v1::AttemptKey& key) {
    if (fleet_.training_ == Training::kInstant) push({joined(key), finished(key), slot_free(key)});
    if (fleet_.training_ != Training::kMetrics) return;
    push({joined(key)});
    const std::lock_guard lock(mutex_);
    trial_ = key;
    has_trial_ = true;
    last_seq_ = 1;
  }

  void acknowledged(const v1::Ack& ack) {
    if (fleet_.training_ == Training::kInstant && ack.seq() >= 2) return fleet_.trial_done();
    if (fleet_.training_ != Training::kMetrics) return;
    std::vector<double> seconds;
    {
      const std::lock_guard lock(mutex_);
      const auto now = steady_clock::now();
      while (!unacked_.empty() && unacked_.begin()->first <= ack.seq()) {
        seconds.push_back(std::chrono::duration<double>(now - unacked_.begin()->second).count());
        unacked_.erase(unacked_.begin());
      }
    }
    for (const double span : seconds) fleet_.acknowledged(fleet_.load_.points, span);
    if (fleet_.load_.period.count() == 0) {
      for (size_t i = 0; i < std::max<size_t>(1, seconds.size()); ++i) send_metrics();
    }
  }

  void write_next() {  // requires mutex_
    if (writing_ || queue_.empty()) return;
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    writing_ = true;
    grpc::WriteOptions options;
    if (!queue_.empty()) options.set_buffer_hint();
    StartWrite(&outgoing_, options);
  }

  FakeFleet& fleet_;
  grpc::ClientContext context_;
  v1::CoordinatorMessage incoming_;

  std::mutex mutex_;  // protects what follows
  std::condition_variable changed_;
  std::deque<v1::WorkerMessage> queue_;
  v1::WorkerMessage outgoing_;
  bool writing_ = false, done_ = false;
  bool has_trial_ = false;
  v1::AttemptKey trial_;
  int64_t last_seq_ = 0;
  std::map<int64_t, steady_clock::time_point> unacked_;
};

FakeFleet::FakeFleet(const std::string& address, int workers, int ranks, Training training, MetricLoad load)
    : training_(training), load_(load) {
  for (int worker = 0; worker < workers; ++worker) {
    stubs_.push_back(v1::Fleet::NewStub(open_channel(address)));
    for (int rank = 0; rank < ranks; ++rank) {
      streams_.push_back(std::make_unique<FakeStream>(*this, *stubs_.back(), hello(worker, rank, ranks)));
    }
  }
  std::unique_lock lock(mutex_);
  const bool all = changed_.wait_for(lock, kWelcomeLimit, [this] { return std::cmp_equal(welcome_, streams_.size()); });
  if (!all) throw std::runtime_error("not every fake worker was welcome at " + address);
}

FakeFleet::~FakeFleet() {
  for (const auto& stream : streams_) stream->stop();
}

void FakeFleet::welcomed() {
  const std::lock_guard lock(mutex_);
  ++welcome_;
  changed_.notify_all();
}

void FakeFleet::trial_done() {
  ++trials_;
  changed_.notify_all();
}

bool FakeFleet::wait_trials(int64_t count, steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  while (trials_ < count && steady_clock::now() < deadline) {
    changed_.wait_until(lock, std::min(deadline, steady_clock::now() + std::chrono::milliseconds(10)));
  }
  return trials_ >= count;
}

void FakeFleet::acknowledged(int64_t points, double seconds) {
  points_ += points;
  const std::lock_guard lock(mutex_);
  latencies_.push_back(seconds);
}

std::vector<double> FakeFleet::take_latencies() {
  const std::lock_guard lock(mutex_);
  return std::exchange(latencies_, {});
}

void FakeFleet::run_until(steady_clock::time_point deadline) {
  const bool metric = training_ == Training::kMetrics;
  const bool paced = metric && load_.period.count() > 0;
  // Streams take turns within a period, as independent workers would.
  steady_clock::duration pause = kHeartbeat;
  if (metric) pause = std::chrono::milliseconds(10);
  if (paced) pause = steady_clock::duration(load_.period) / static_cast<int64_t>(streams_.size());
  auto next = steady_clock::now();
  std::unique_lock lock(mutex_);
  for (size_t turn = 0; next < deadline; ++turn, next += pause) {
    changed_.wait_until(lock, next, [&] { return steady_clock::now() >= next; });
    lock.unlock();
    if (paced) {
      streams_[turn % streams_.size()]->send_metrics();
    } else {
      for (const auto& stream : streams_) metric ? stream->send_metrics() : stream->heartbeat();
    }
    lock.lock();
  }
  changed_.wait_until(lock, deadline, [&] { return steady_clock::now() >= deadline; });
}

}  // namespace autonorm::bench
