// What coordinator and workers say to each other, as plain values. The wire form is proto/autonorm/v1/fleet.proto;
// proto/codec converts, totally and both ways. The numbers (§) refer to the life of a trial in coordinator/README.md.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/messages/trial_state.h"

namespace autonorm::fleet {

inline constexpr int kProtocolVersion = 1;  // a coordinator refuses a worker with another number, naming both

// One attempt of one trial; the token fences it: late messages of an older attempt carry an older token.
struct AttemptKey {
  TrialId trial;
  Attempt attempt;
  Token token;
  auto operator<=>(const AttemptKey&) const = default;
};

struct Device {
  std::string kind = "cpu";  // "cpu" | "cuda"
  int index = 0;             // GPU ordinal on its host; 0 for a CPU slot
  std::string name;          // e.g. "AMD EPYC", "NVIDIA H200"
  int64_t memory_bytes = 0;
  auto operator<=>(const Device&) const = default;
};

struct KnownAttempt {
  AttemptKey key;
  Seq last_seq;           // highest seq in the spool
  bool terminal = false;  // the spool ends with finished, failed or stopped
  bool trainer_alive = false;
  auto operator<=>(const KnownAttempt&) const = default;
};

// ---- worker → coordinator ----
struct Hello {
  int protocol = kProtocolVersion;
  WorkerId worker;          // stable for a work-dir and rank
  int64_t incarnation = 0;  // larger for each start of the process
  std::string mpi_world;    // equal for all ranks of one mpirun; gangs on CPU stay within one
  int mpi_rank = 0;
  int mpi_size = 1;
  std::string host;     // host name
  std::string address;  // --host: where peers reach this worker; empty = the source address of its connection
  int pid = 0;
  Device device;
  std::string build;      // version of the worker program
  std::string torch;      // LibTorch version and CPU capability its trainer reports; empty until known
  bool recovery = false;  // mpirun lets the other ranks outlive a lost one
  std::vector<KnownAttempt> attempts;
  auto operator<=>(const Hello&) const = default;
};

struct AttemptProgress {
  AttemptKey key;
  int64_t step = 0;
  int64_t total_steps = 0;
  std::string phase;  // "loading" | "training" | "evaluating" | "checkpointing" | "starting"
  double loss = 0;    // latest training loss; NaN = none yet
  double samples_per_s = 0;
  int64_t tick_age_ms = 0;  // since the trainer's last sign of life
  auto operator<=>(const AttemptProgress&) const = default;
};
struct Heartbeat {
  std::vector<AttemptProgress> attempts;
  auto operator<=>(const Heartbeat&) const = default;
};

struct MetricPoint {
  std::string metric;
  int64_t step = 0;
  double value = 0;
  auto operator<=>(const MetricPoint&) const = default;
};

struct Ready {
  std::string state;
  std::string endpoint;
  auto operator<=>(const Ready&) const = default;
};  // "listening" (leader, with "host:port") | "joined"
struct Metrics {
  std::vector<MetricPoint> points;
  auto operator<=>(const Metrics&) const = default;
};
struct NormStat {
  std::string site;
  int64_t step = 0;
  std::map<std::string, double> values;
  auto operator<=>(const NormStat&) const = default;
};
struct NormStats {
  std::vector<NormStat> stats;
  auto operator<=>(const NormStats&) const = default;
};
// `manifest` is the hash of the checkpoint's manifest.json; the manifest names its files by hash. Sent after all are
// durable at the coordinator.
struct CheckpointSaved {
  int64_t step = 0;
  Sha256 manifest;
  int64_t bytes = 0;
  auto operator<=>(const CheckpointSaved&) const = default;
};
struct LogLine {
  std::string level;
  std::string text;
  auto operator<=>(const LogLine&) const = default;
};
// Rank 0 only. `results`: metric → value. `facts`: strings worth keeping (weights_sha256, order_sha256, device, torch,
// cpu_capability). `initial`: parameter name → SHA-256 of its initial value with its shape. `artifacts`: e.g. "model" →
// manifest hash.
struct Finished {
  EndReason reason = EndReason::kCompleted;  // kCompleted | kDiverged
  std::map<std::string, double> results;
  std::map<std::string, std::string> facts;
  std::map<std::string, std::string> initial;
  std::map<std::string, Sha256> artifacts;
  auto operator<=>(const Finished&) const = default;
};
// What is known about memory when a trainer died. 0 = unknown, or none.
struct MemoryAtDeath {
  int64_t resident_bytes = 0;  // of the trainer, when it was last looked at (about once a second)
  int64_t limit_bytes = 0;     // of the worker's control group (memory.max)
  int64_t oom_kills = 0;       // that the kernel counted in the control group while the attempt ran
  auto operator<=>(const MemoryAtDeath&) const = default;
};
// Any rank. kPreempted/kCancelled confirm a Stop. `log_tail`: last 50 lines.
struct Failed {
  EndReason reason = EndReason::kTrainerCrashed;
  std::string message;
  int signal = 0;  // of the trainer's death; 0 = none
  int exit_code = 0;
  std::vector<std::string> log_tail = {};
  MemoryAtDeath memory = {};
  // Manifest of the checkpoint or model that the attempt was to begin from, when the coordinator's copy of it is
  // damaged or gone: the trial is not at fault.
  Sha256 unusable = {};
  auto operator<=>(const Failed&) const = default;
};
using EventBody = std::variant<Ready, Metrics, NormStats, CheckpointSaved, LogLine, Finished, Failed>;
struct Event {
  AttemptKey key;
  Seq seq;
  EventBody body;
  auto operator<=>(const Event&) const = default;
};
// What a trainer leaves behind whose attempt was over before it: of such an attempt no Failed comes any more.
struct LastWords {
  std::vector<std::string> log_tail = {};  // last 50 lines
  MemoryAtDeath memory = {};
  auto operator<=>(const LastWords&) const = default;
};
// The trainer process of this attempt is gone for sure: the slot is free. Sent after the last event of the attempt (not
// spooled).
struct SlotFree {
  AttemptKey key;
  LastWords last = {};  // when the coordinator had ended the attempt
  auto operator<=>(const SlotFree&) const = default;
};
struct Goodbye {
  std::string reason;
  auto operator<=>(const Goodbye&) const = default;
};  // orderly end of the worker
using ToCoordinator = std::variant<Hello, Heartbeat, Event, SlotFree, Goodbye>;

// ---- coordinator → worker ----
struct Welcome {
  std::chrono::milliseconds lease{15000};
  std::chrono::milliseconds heartbeat{2000};
  int64_t epoch = 0;  // of the coordinator's state directory; one more for each start
  std::string coordinator_build;
  std::vector<AttemptKey> keep;                   // go on; deliver what is unacked
  std::vector<AttemptKey> kill;                   // stop the trainer, drop the spool
  std::vector<std::pair<AttemptKey, Seq>> acked;  // of `keep`
  auto operator<=>(const Welcome&) const = default;
};
struct Refused {
  std::string reason;
  auto operator<=>(const Refused&) const = default;
};  // the worker prints it and exits 1
struct GangMember {
  WorkerId worker;
  int mpi_rank = 0;
  std::string host;
  auto operator<=>(const GangMember&) const = default;
};
struct Gang {
  int rank = 0;                     // of the receiver; rank 0 leads
  std::vector<GangMember> members;  // in rank order; size() = world size
  int32_t tag = 0;                  // MPI tag of this attempt's collectives, unique while any member may still use it
  auto operator<=>(const Gang&) const = default;
};
struct ResumePoint {
  Sha256 manifest;
  int64_t step = 0;
  auto operator<=>(const ResumePoint&) const = default;
};
struct Start {
  AttemptKey key;
  std::string config;  // resolved trial configuration, JSON (core/config/trial_config.h)
  std::optional<ResumePoint> resume;
  std::map<std::string, Sha256> inputs;  // stage name → manifest of its final model
  Gang gang;
  std::chrono::milliseconds start_timeout{120000};
  std::chrono::milliseconds stall_timeout{600000};
  auto operator<=>(const Start&) const = default;
};
struct Rendezvous {
  AttemptKey key;
  std::string endpoint;
  auto operator<=>(const Rendezvous&) const = default;
};
enum class StopMode { kCheckpointThenStop, kKill };
struct Stop {
  AttemptKey key;
  StopMode mode = StopMode::kKill;
  EndReason reason = EndReason::kCancelled;
  std::string text;
  auto operator<=>(const Stop&) const = default;
};
struct Ack {
  AttemptKey key;
  Seq seq;
  auto operator<=>(const Ack&) const = default;
};
struct Drain {
  auto operator<=>(const Drain&) const = default;
};
struct Shutdown {
  std::string reason;
  auto operator<=>(const Shutdown&) const = default;
};  // coordinator stops; worker reconnects unless `final`
using ToWorker = std::variant<Welcome, Refused, Start, Rendezvous, Stop, Ack, Drain, Shutdown>;

}  // namespace autonorm::fleet
