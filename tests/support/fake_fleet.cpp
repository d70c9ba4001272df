#include "tests/support/fake_fleet.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>

#include <algorithm>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "tests/support/fake_fleet_messages.h"

namespace autonorm::testing {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kHeartbeat{2};
constexpr std::chrono::seconds kWelcomeLimit{60};

std::shared_ptr<grpc::Channel> open_channel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
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
  // One event, unless no trial has come or too many are unacknowledged.
  void send_metrics() {
    const MetricLoad& load = fleet_.options_.load;
    const std::lock_guard lock(mutex_);  // throughout: events leave in the order of their numbers
    if (!has_trial_ || std::cmp_greater_equal(unacked_.size(), load.window)) return;
    const int64_t seq = ++last_seq_;
    unacked_[seq] = steady_clock::now();
    queue_.push_back(metrics(trial_, seq, load.points));
    write_next();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      if (!fleet_.ending_) ++fleet_.lost_;
      return;
    }
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
    if (message.has_start()) begin(message.start());
    if (message.has_ack()) acknowledged(message.ack());
    if (!message.has_stop()) return;
    ++fleet_.stopped_;
    push({slot_free(message.stop().key())});
  }

  void begin(const v1::Start& start) {
    const v1::AttemptKey& key = start.key();
    ++fleet_.started_;
    switch (fleet_.options_.conduct) {
      case Conduct::kIdle:
        return;
      case Conduct::kHold:
        return push({joined(key)});
      case Conduct::kDeliver:
        return deliver(key, nlohmann::json::parse(start.config()).at("seed").get<uint64_t>());
      case Conduct::kMetrics:
        push({joined(key)});
        const std::lock_guard lock(mutex_);
        trial_ = key;
        has_trial_ = true;
        last_seq_ = 1;
        return;
    }
  }

  void deliver(const v1::AttemptKey& key, uint64_t seed) {
    std::vector<v1::WorkerMessage> messages{joined(key)};
    int64_t seq = 1;
    if (fleet_.options_.points > 0) messages.push_back(metrics(key, ++seq, fleet_.options_.points));
    messages.push_back(finished(key, ++seq, seed));
    if (fleet_.options_.full_results) fill_results(key, seed, *messages.back().mutable_event()->mutable_finished());
    messages.push_back(slot_free(key));
    {
      const std::lock_guard lock(mutex_);
      results_[key.trial()] = {seq, steady_clock::now()};
    }
    push(std::move(messages));
  }

  void acknowledged(const v1::Ack& ack) {
    if (fleet_.options_.conduct == Conduct::kDeliver) return result_acknowledged(ack);
    std::vector<double> seconds;
    {
      const std::lock_guard lock(mutex_);
      const auto now = steady_clock::now();
      while (!unacked_.empty() && unacked_.begin()->first <= ack.seq()) {
        seconds.push_back(std::chrono::duration<double>(now - unacked_.begin()->second).count());
        unacked_.erase(unacked_.begin());
      }
    }
    const MetricLoad& load = fleet_.options_.load;
    for (const double span : seconds) fleet_.acknowledged(load.points, span);
    if (fleet_.options_.conduct != Conduct::kMetrics || load.period.count() > 0) return;
    for (size_t i = 0; i < std::max<size_t>(1, seconds.size()); ++i) send_metrics();
  }

  void result_acknowledged(const v1::Ack& ack) {
    std::chrono::duration<double> span{};
    {
      const std::lock_guard lock(mutex_);
      const auto sent = results_.find(ack.key().trial());
      if (sent == results_.end() || ack.seq() < sent->second.seq) return;
      span = steady_clock::now() - sent->second.time;
      results_.erase(sent);
    }
    fleet_.delivered(span.count());
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

  struct Sent {
    int64_t seq = 0;
    steady_clock::time_point time;
  };

  FakeFleet& fleet_;
  grpc::ClientContext context_;
  v1::CoordinatorMessage incoming_;

  std::mutex mutex_;  // protects what follows
  std::condition_variable changed_;
  std::deque<v1::WorkerMessage> queue_;
  v1::WorkerMessage outgoing_;
  bool writing_ = false, done_ = false;
  bool has_trial_ = false;  // kMetrics
  v1::AttemptKey trial_;
  int64_t last_seq_ = 0;
  std::map<int64_t, steady_clock::time_point> unacked_;
  std::map<std::string, Sent> results_;  // kDeliver: by trial
};

FakeFleet::FakeFleet(const FleetOptions& options) : options_(options) {
  for (int i = 0; i < options.connections; ++i) stubs_.push_back(v1::Fleet::NewStub(open_channel(options.address)));
  for (int worker = 0; worker < options.workers; ++worker) {
    v1::Fleet::Stub& stub = *stubs_[static_cast<size_t>(worker % options.connections)];
    for (int rank = 0; rank < options.ranks; ++rank)
      streams_.push_back(std::make_unique<FakeStream>(*this, stub, hello_of(worker, rank, options.ranks)));
  }
  std::unique_lock lock(mutex_);
  const bool all = changed_.wait_for(lock, kWelcomeLimit, [this] { return std::cmp_equal(welcome_, streams_.size()); });
  if (!all) throw std::runtime_error("not every fake worker was welcome at " + options.address);
}

FakeFleet::~FakeFleet() {
  ending_ = true;
  for (const auto& stream : streams_) stream->stop();
}

void FakeFleet::welcomed() {
  const std::lock_guard lock(mutex_);
  ++welcome_;
  changed_.notify_all();
}

void FakeFleet::delivered(double seconds) {
  {
    const std::lock_guard lock(mutex_);
    latencies_.push_back(seconds);
  }
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
  const bool metric = options_.conduct == Conduct::kMetrics;
  const bool paced = metric && options_.load.period.count() > 0;
  // Streams take turns within a period, as independent workers would.
  steady_clock::duration pause = kHeartbeat;
  if (metric) pause = std::chrono::milliseconds(10);
  if (paced) pause = steady_clock::duration(options_.load.period) / static_cast<int64_t>(streams_.size());
  auto next = steady_clock::now();
  std::unique_lock lock(mutex_);
  for (size_t turn = 0; next < deadline; ++turn, next += pause) {
    changed_.wait_until(lock, next, [&] { return steady_clock::now() >= next; });
    lock.unlock();
    if (paced) {
      streams_[turn % streams_.size()]->send_metrics();
    } else {
      for (const auto& stream : streams_) metric ? stream->send_metrics() : stream->push({heartbeat()});
    }
    lock.lock();
  }
  changed_.wait_until(lock, deadline, [&] { return steady_clock::now() >= deadline; });
}

}  // namespace autonorm::testing
