// T24: arrivals and deaths of trials and workers in random order, messages delivered late. The fake workers know which
// trainers they have: a Start on top of a living trainer is a slot with two owners; a worker that is not idle after
// everything has ended is a leaked slot.
#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "coordinator/engine/engine.h"
#include "core/base/philox.h"
#include "core/base/status.h"
#include "tests/soak/soak_program.h"
#include "tests/support/sweep_builder.h"

namespace autonorm::soak {
namespace {

using namespace std::chrono_literals;
using testing::make_sweep;
using testing::submission;

constexpr int kWorkers = 12;              // in three MPI worlds
constexpr int64_t kRound = 10'000;        // operations with one engine, which then has to come to rest
constexpr size_t kMostOpen = 40;          // trials
constexpr int kSettleSteps = 20'000;      // of half a second: far more than any patience of the engine
constexpr int64_t kInvariantsEvery = 50;  // operations

// What a worker knows of one attempt: its spool and whether the trainer lives.
struct Trainer {
  fleet::AttemptKey key;
  int rank = 0, size = 1;
  std::vector<fleet::EventBody> spool;
  Seq acked;
  bool alive = true, terminal = false, killed = false;
};

struct Worker {
  fleet::Hello hello;
  std::optional<SessionId> session;
  std::deque<fleet::ToWorker> inbox;  // not read yet
  std::vector<Trainer> trainers;
};

class Fleet {
 public:
  Fleet(uint64_t seed, int64_t round, std::vector<std::string>& failures)
      : random_(seed, "soak", cat("slots/", round)), failures_(failures), round_(round) {
    now_.steady = SteadyTime(1h);
    now_.wall = wall_from_us(1'700'000'000'000'000);
    for (int i = 0; i < kWorkers; ++i) {
      Worker& worker = workers_[WorkerId(cat("w", i))];
      worker.hello.worker = WorkerId(cat("w", i));
      worker.hello.incarnation = 1;
      worker.hello.mpi_world = cat("world-", i % 3);
      worker.hello.mpi_rank = i / 3;
      worker.hello.mpi_size = kWorkers / 3;
      worker.hello.host = cat("host-", i % 3);
      worker.hello.device.kind = i % 3 == 2 ? "cuda" : "cpu";
    }
  }

  void run(int64_t operations) {
    for (int64_t i = 0; i < operations && failures_.empty(); ++i) {
      operate();
      if (i % kInvariantsEvery == 0) check_invariants();
    }
    settle();
  }
  int64_t starts() const { return starts_; }
  int64_t arrivals() const { return arrivals_; }
  int64_t deaths() const { return deaths_; }

 private:
  int pick(int n) { return static_cast<int>(random_.word(drawn_++) % static_cast<uint32_t>(n)); }
  Worker& any_worker() { return workers_.at(WorkerId(cat("w", pick(kWorkers)))); }

  void operate() {
    Worker& worker = any_worker();
    switch (pick(16)) {
      case 0:
        return arrive();
      case 1:
        return connect(worker);
      case 2:
        return pick(4) == 0 ? die(worker) : advance(500ms);
      case 3:
        return pick(3) == 0 ? disconnect(worker) : advance(500ms);
      case 4:
        return pick(40) == 0 ? advance(16s) : advance(500ms);
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        return read_one(worker);
      case 10:
        return bury(worker);
      default:
        return go_on(worker);
    }
  }

  void arrive() {
    if (open_trials() >= kMostOpen) return;
    ++arrivals_;
    const std::string device = std::array{"auto", "auto", "cpu", "cuda"}[static_cast<size_t>(pick(4))];
    apply(submission(make_sweep(
        cat("s", arrivals_),
        {{.seed = static_cast<uint64_t>(arrivals_), .ranks = 1 + pick(4), .device = device, .max_attempts = 1'000}})));
  }
  void connect(Worker& worker) {
    if (worker.session) return;
    worker.inbox.clear();
    worker.session = SessionId(next_session_++);
    worker.hello.attempts.clear();
    for (const Trainer& trainer : worker.trainers) {
      worker.hello.attempts.push_back(
          {trainer.key, Seq(static_cast<int64_t>(trainer.spool.size())), trainer.terminal, trainer.alive});
    }
    apply(engine::WorkerHello{*worker.session, worker.hello});
  }
  void disconnect(Worker& worker) {
    if (!worker.session) return;
    const SessionId session = *std::exchange(worker.session, std::nullopt);
    worker.inbox.clear();
    apply(engine::SessionClosed{session});
  }
  // The process and its trainers are gone; its work-dir stays, or not.
  void die(Worker& worker) {
    ++deaths_;
    disconnect(worker);
    ++worker.hello.incarnation;
    const bool forgets = pick(2) == 0;
    for (Trainer& trainer : worker.trainers) trainer.alive = false;
    std::erase_if(worker.trainers, [&](const Trainer& t) { return forgets || !t.terminal; });
  }
  void advance(std::chrono::milliseconds span) {
    now_.steady += span;
    now_.wall += span;
    for (auto& [id, worker] : workers_) {
      if (worker.session && pick(4) != 0) apply(engine::WorkerMessage{*worker.session, fleet::Heartbeat{}});
    }
    apply(engine::Tick{});
  }

  void read_one(Worker& worker) {
    if (worker.inbox.empty()) return;
    const fleet::ToWorker message = std::move(worker.inbox.front());
    worker.inbox.pop_front();
    if (const auto* welcome = std::get_if<fleet::Welcome>(&message)) {
      hear(worker, *welcome);
    } else if (const auto* start = std::get_if<fleet::Start>(&message)) {
      hear(worker, *start);
    } else if (const auto* stop = std::get_if<fleet::Stop>(&message)) {
      if (Trainer* trainer = find(worker, stop->key)) trainer->killed = true;
    } else if (const auto* ack = std::get_if<fleet::Ack>(&message)) {
      if (Trainer* trainer = find(worker, ack->key)) trainer->acked = ack->seq;
    }
  }
  void hear(Worker& worker, const fleet::Welcome& welcome) {
    for (const fleet::AttemptKey& key : welcome.kill) {
      if (Trainer* trainer = find(worker, key)) trainer->killed = true;
    }
    std::erase_if(worker.trainers, [](const Trainer& t) { return t.killed && !t.alive; });
    for (const auto& [key, seq] : welcome.acked) {
      Trainer* trainer = find(worker, key);
      if (!trainer) continue;
      trainer->acked = seq;
      resend(worker, *trainer);
    }
  }
  void resend(Worker& worker, const Trainer& trainer) {
    const Trainer copy = trainer;
    for (auto i = static_cast<size_t>(copy.acked.value()); i < copy.spool.size(); ++i) {
      say(worker, fleet::Event{copy.key, Seq(static_cast<int64_t>(i) + 1), copy.spool[i]});
    }
  }
  void hear(Worker& worker, const fleet::Start& start) {
    if (find(worker, start.key)) return;  // it was sent again
    for (const Trainer& trainer : worker.trainers) {
      if (trainer.alive) {
        fail(cat("worker ", worker.hello.worker, " is asked to start ", short_form(start.key.trial), " attempt ",
                 start.key.attempt, " while ", short_form(trainer.key.trial), " attempt ", trainer.key.attempt,
                 " has its slot"));
      }
    }
    ++starts_;
    worker.trainers.push_back({.key = start.key,
                               .rank = start.gang.rank,
                               .size = static_cast<int>(start.gang.members.size()),
                               .spool = {},
                               .acked = {}});
  }

  // Trainers that were killed, or have ended, are buried: the slot is free.
  void bury(Worker& worker) {
    for (size_t i = 0; i < worker.trainers.size(); ++i) {
      const Trainer trainer = worker.trainers[i];
      if (!trainer.alive || !(trainer.killed || trainer.terminal)) continue;
      worker.trainers[i].alive = false;
      if (!worker.session) continue;  // its next Hello says so
      if (trainer.killed || trainer.acked == Seq(static_cast<int64_t>(trainer.spool.size()))) {
        worker.trainers.erase(worker.trainers.begin() + static_cast<std::ptrdiff_t>(i));
      }
      return say(worker, fleet::SlotFree{trainer.key});
    }
    std::erase_if(worker.trainers, [](const Trainer& t) {
      return !t.alive && (t.killed || t.acked == Seq(static_cast<int64_t>(t.spool.size())));
    });
  }
  void go_on(Worker& worker) {
    for (Trainer& trainer : worker.trainers) {
      if (!trainer.alive || trainer.killed || trainer.terminal) continue;
      const bool leads = trainer.rank == 0;
      const size_t said = trainer.spool.size() + (leads && trainer.size > 1 ? 0 : 1);
      if (said == 0) return emit(worker, trainer, fleet::Ready{"listening", "h:1"});
      if (said == 1) return emit(worker, trainer, fleet::Ready{"joined", ""});
      if (pick(60) == 0) {
        trainer.terminal = true;
        return emit(worker, trainer, fleet::Failed{.reason = EndReason::kPreempted, .message = "gone", .log_tail = {}});
      }
      if (!leads || pick(2) != 0) return;
      trainer.terminal = true;
      fleet::Finished finished;
      finished.results = {{"test/accuracy", 0.5}};
      return emit(worker, trainer, finished);
    }
  }
  void emit(Worker& worker, Trainer& trainer, fleet::EventBody body) {
    trainer.spool.push_back(body);
    say(worker, fleet::Event{trainer.key, Seq(static_cast<int64_t>(trainer.spool.size())), std::move(body)});
  }
  void say(Worker& worker, fleet::ToCoordinator message) {
    if (worker.session) apply(engine::WorkerMessage{*worker.session, std::move(message)});
  }
  static Trainer* find(Worker& worker, const fleet::AttemptKey& key) {
    const auto it = std::ranges::find(worker.trainers, key, &Trainer::key);
    return it == worker.trainers.end() ? nullptr : &*it;
  }

  void apply(const engine::EngineEvent& event) {
    engine_.apply(event, now_);
    while (engine_.continue_slices(now_)) continue;
    engine_.schedule(now_);
    for (engine::Outgoing& message : engine_.take().outbox) {
      if (auto* to = std::get_if<engine::ToSession>(&message)) {
        if (Worker* worker = at(to->session)) worker->inbox.push_back(std::move(to->message));
      } else if (const auto* close = std::get_if<engine::CloseSession>(&message)) {
        if (Worker* worker = at(close->session)) worker->session.reset();
      }
    }
  }
  Worker* at(SessionId session) {
    for (auto& [id, worker] : workers_) {
      if (worker.session == session) return &worker;
    }
    return nullptr;
  }
  size_t open_trials() const {
    size_t open = 0;
    for (const engine::SweepView& sweep : engine_.sweeps(now_)) {
      for (const auto& [state, count] : sweep.counts) open += is_open(state) ? static_cast<size_t>(count) : 0;
    }
    return open;
  }

  // Everybody is there and works: all trials end and every slot is idle.
  void settle() {
    for (int i = 0; i < kSettleSteps && failures_.empty() && !at_rest(); ++i) {
      now_.steady += 500ms;
      now_.wall += 500ms;
      for (auto& [id, worker] : workers_) {
        connect(worker);
        say(worker, fleet::Heartbeat{});
        while (!worker.inbox.empty()) read_one(worker);
        go_on(worker);
        bury(worker);
      }
      apply(engine::Tick{});
    }
    check_invariants();
    if (!at_rest()) fail(cat(open_trials(), " trials never ended although every worker works"));
    for (const engine::WorkerView& view : engine_.workers(now_)) {
      if (view.state != "idle") fail(cat("slot of ", view.id, " leaked: it is ", view.state, " (", view.reason, ")"));
    }
  }
  bool at_rest() {
    const auto quiet = [](const auto& entry) { return entry.second.inbox.empty() && entry.second.trainers.empty(); };
    return std::ranges::all_of(workers_, quiet) && open_trials() == 0;
  }
  void check_invariants() {
    for (const std::string& finding : engine_.check_invariants()) fail(finding);
  }
  void fail(std::string what) { failures_.push_back(cat("round ", round_, ": ", what)); }

  RandomStream random_;
  uint64_t drawn_ = 0;
  std::vector<std::string>& failures_;
  const int64_t round_;
  Now now_;
  engine::Engine engine_{{.secret = "soak", .build = "0.1.0", .limits = {.quarantine_crashes = 1'000'000}}};
  std::map<WorkerId, Worker> workers_;
  int64_t next_session_ = 1, starts_ = 0, arrivals_ = 0, deaths_ = 0;
};

Outcome slots_have_one_owner(const Options& options) {
  Outcome outcome;
  int64_t starts = 0, arrivals = 0, deaths = 0;
  for (int64_t done = 0; done < options.count && outcome.failures.empty(); done += kRound) {
    Fleet fleet(options.seed, done / kRound, outcome.failures);
    fleet.run(std::min(kRound, options.count - done));
    starts += fleet.starts();
    arrivals += fleet.arrivals();
    deaths += fleet.deaths();
  }
  outcome.counts = cat(options.count, " operations (", arrivals, " trials came, ", deaths, " workers died), ", starts,
                       " slots given, ", outcome.failures.size(), " with two owners or leaked");
  return outcome;
}

}  // namespace
}  // namespace autonorm::soak

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T24 slot owners", autonorm::soak::slots_have_one_owner);
}
