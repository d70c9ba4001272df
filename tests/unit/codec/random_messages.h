// Random valid fleet messages from a seed.
#pragma once
#include <random>
#include <string>

#include "core/messages/fleet.h"

namespace autonorm::codec {

class RandomMessages {
 public:
  explicit RandomMessages(uint32_t seed) : generator_(seed) {}

  // Kinds in the variant's order.
  fleet::ToCoordinator to_coordinator(size_t kind);
  fleet::ToWorker to_worker(size_t kind);

  int64_t number(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(generator_); }
  std::string hex(int digits);
  std::string bytes();  // any bytes, often not UTF-8, sometimes empty
  fleet::AttemptKey key();

 private:
  std::string some() { return "x" + bytes(); }  // not empty
  int small(int low, int high) { return static_cast<int>(number(low, high)); }
  bool coin() { return number(0, 1) == 1; }
  double real();
  Sha256 hash() { return Sha256(hex(64)); }
  EndReason reason() { return static_cast<EndReason>(number(0, static_cast<int>(EndReason::kParent))); }
  template <class Make>
  auto list(Make make) {
    std::vector<decltype(make())> items(static_cast<size_t>(number(0, 4)));
    for (auto& item : items) item = make();
    return items;
  }
  template <class Make>
  auto map(Make make) {
    std::map<std::string, decltype(make())> items;
    for (int64_t n = number(0, 4); n > 0; --n) items[bytes()] = make();
    return items;
  }
  fleet::Hello hello();
  fleet::Event event();
  fleet::EventBody event_body(int64_t kind);
  fleet::Start start();
  fleet::Welcome welcome();

  std::mt19937 generator_;
};

inline std::string RandomMessages::hex(int digits) {
  std::string text(static_cast<size_t>(digits), '0');
  for (char& c : text) c = "0123456789abcdef"[number(0, 15)];
  return text;
}

inline std::string RandomMessages::bytes() {
  std::string text(static_cast<size_t>(number(0, 12)), '\0');
  for (char& c : text) c = static_cast<char>(number(0, 255));
  return text;
}

inline double RandomMessages::real() {
  switch (number(0, 5)) {
    case 0:
      return 0.0;
    case 1:
      return std::numeric_limits<double>::infinity();
    case 2:
      return -std::numeric_limits<double>::denorm_min();
    default:
      return std::normal_distribution<double>(0, 1e6)(generator_);
  }
}

inline fleet::AttemptKey RandomMessages::key() { return {TrialId(hex(64)), Attempt(small(1, 50)), Token(hex(32))}; }

inline fleet::Hello RandomMessages::hello() {
  fleet::Hello hello;
  hello.worker = WorkerId(some());
  hello.incarnation = number(INT64_MIN, INT64_MAX);
  hello.mpi_world = bytes();
  hello.mpi_size = small(1, 64);
  hello.mpi_rank = small(0, hello.mpi_size - 1);
  hello.host = bytes();
  hello.address = bytes();
  hello.pid = small(0, 1 << 22);
  hello.device = {coin() ? "cpu" : "cuda", small(0, 7), bytes(), number(0, INT64_MAX)};
  hello.build = bytes();
  hello.torch = bytes();
  hello.recovery = coin();
  hello.attempts = list([&] { return fleet::KnownAttempt{key(), Seq(number(0, INT64_MAX)), coin(), coin()}; });
  return hello;
}

inline fleet::EventBody RandomMessages::event_body(int64_t kind) {
  switch (kind) {
    case 0:
      return coin() ? fleet::Ready{"listening", some()} : fleet::Ready{"joined", bytes()};
    case 1:
      return fleet::Metrics{list([&] { return fleet::MetricPoint{some(), number(0, INT64_MAX), real()}; })};
    case 2:
      return fleet::NormStats{list([&] {
        return fleet::NormStat{bytes(), number(0, INT64_MAX), map([&] { return real(); })};
      })};
    case 3:
      return fleet::CheckpointSaved{number(0, INT64_MAX), hash(), number(0, INT64_MAX)};
    case 4:
      return fleet::LogLine{bytes(), bytes()};
    case 5:
      return fleet::Finished{coin() ? EndReason::kCompleted : EndReason::kDiverged, map([&] { return real(); }),
                             map([&] { return bytes(); }), map([&] { return bytes(); }), map([&] { return hash(); })};
    default:
      return fleet::Failed{reason(),
                           bytes(),
                           small(0, 64),
                           small(-1, 255),
                           list([&] { return bytes(); }),
                           {.resident_bytes = small(0, 1000), .limit_bytes = small(0, 1000), .oom_kills = small(0, 9)},
                           coin() ? hash() : Sha256()};
  }
}

inline fleet::Event RandomMessages::event() { return {key(), Seq(number(1, INT64_MAX)), event_body(number(0, 6))}; }

inline fleet::ToCoordinator RandomMessages::to_coordinator(size_t kind) {
  switch (kind) {
    case 0:
      return hello();
    case 1:
      return fleet::Heartbeat{list([&] {
        return fleet::AttemptProgress{key(),  number(0, INT64_MAX), number(0, INT64_MAX), bytes(), real(),
                                      real(), number(0, INT64_MAX)};
      })};
    case 2:
      return event();
    case 3:
      return fleet::SlotFree{key(),
                             {.log_tail = list([&] { return bytes(); }),
                              .memory = {number(0, INT64_MAX), number(0, INT64_MAX), number(0, INT64_MAX)}}};
    default:
      return fleet::Goodbye{bytes()};
  }
}

inline fleet::Welcome RandomMessages::welcome() {
  fleet::Welcome welcome;
  welcome.lease = std::chrono::milliseconds(number(0, 100000));
  welcome.heartbeat = std::chrono::milliseconds(number(0, 100000));
  welcome.epoch = number(0, INT64_MAX);
  welcome.coordinator_build = bytes();
  welcome.keep = list([&] { return key(); });
  welcome.kill = list([&] { return key(); });
  welcome.acked = list([&] { return std::pair(key(), Seq(number(0, INT64_MAX))); });
  return welcome;
}

inline fleet::Start RandomMessages::start() {
  fleet::Start start;
  start.key = key();
  start.config = some();
  if (coin()) start.resume = fleet::ResumePoint{hash(), number(0, INT64_MAX)};
  start.inputs = map([&] { return hash(); });
  start.gang.members = list([&] { return fleet::GangMember{WorkerId(some()), small(0, 64), bytes()}; });
  start.gang.members.push_back({WorkerId(some()), 0, bytes()});
  start.gang.rank = small(0, static_cast<int>(start.gang.members.size()) - 1);
  start.gang.tag = small(0, 32767);
  start.start_timeout = std::chrono::milliseconds(number(0, 1000000));
  start.stall_timeout = std::chrono::milliseconds(number(0, 1000000));
  return start;
}

inline fleet::ToWorker RandomMessages::to_worker(size_t kind) {
  switch (kind) {
    case 0:
      return welcome();
    case 1:
      return fleet::Refused{bytes()};
    case 2:
      return start();
    case 3:
      return fleet::Rendezvous{key(), some()};
    case 4: {
      const auto mode = coin() ? fleet::StopMode::kKill : fleet::StopMode::kCheckpointThenStop;
      return fleet::Stop{key(), mode, reason(), bytes()};
    }
    case 5:
      return fleet::Ack{key(), Seq(number(0, INT64_MAX))};
    case 6:
      return fleet::Drain{};
    default:
      return fleet::Shutdown{bytes()};
  }
}

}  // namespace autonorm::codec
