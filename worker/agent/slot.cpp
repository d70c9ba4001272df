#include "worker/agent/slot.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "worker/agent/supervision/log_file.h"
#include "worker/agent/trainer_report.h"

namespace autonorm::agent {
namespace {

constexpr size_t kLongestLogLine = 16 << 10;  // bytes of one forwarded line

std::string what(const fleet::AttemptKey& key) {
  return cat("trial ", short_form(key.trial), " attempt ", key.attempt);
}

// A checkpoint or model that the coordinator does not have (any more), or has damaged: it finds another beginning.
fleet::Failed failed_fetch(const GetFolder& job, const Status& status) {
  fleet::Failed failed;
  failed.message = cat("fetching ", job.name, ": ", status.message());
  if (status.code() != Code::kNotFound && status.code() != Code::kInvalid) return failed;
  failed.reason = status.code() == Code::kNotFound ? EndReason::kDataMissing : EndReason::kDataCorrupt;
  failed.unusable = job.manifest;
  return failed;
}

}  // namespace

Slot::Slot(SlotOptions options, SlotParts parts) : options_(std::move(options)), parts_(parts) {}

void Slot::start(const fleet::Start& start, SteadyTime now) {
  const bool repeated = (active_ && active_->start.key == start.key) || parts_.outbox.knows(start.key);
  if (repeated) return;
  next_ = start;
  if (active_ && !active_->ended) {
    log_warning(what(key()), " is given up: the coordinator has assigned ", what(start.key));
    abandon(key());
  }
  advance(now);
}

void Slot::begin(const fleet::Start& start, SteadyTime now) {
  active_.emplace().start = start;
  now_ = now;
  Status status = parts_.dir.create(start.key, start.config);
  if (status.ok()) status = parts_.outbox.adopt(start.key);
  if (!status.ok()) {  // there is no spool to put the failure into
    log_error(what(start.key), ": ", status.message());
    fleet::Failed failed;
    failed.message = status.message();
    parts_.link.send(fleet::Event{start.key, Seq(1), failed});
    active_->ended = true;
    return;
  }
  log_info(what(start.key), " begins: rank ", start.gang.rank, " of ", start.gang.members.size(),
           start.resume ? cat(", from step ", start.resume->step) : "");
  fetch_folders();
  if (active_->fetching == 0) launch(now);
}

void Slot::fetch_folders() {
  const auto folder = parts_.dir.folder(key());
  const fleet::Start& start = active_->start;
  if (start.resume) {
    const std::string name = cat("checkpoints/step-", start.resume->step);
    active_->resume = folder / name;
    parts_.mover.get({key(), name, folder / name, start.resume->manifest, parts_.dir.checkpoints(key().trial)});
    ++active_->fetching;
  }
  for (const auto& [stage, manifest] : start.inputs) {
    const std::string name = "inputs/" + stage;
    active_->inputs[stage] = folder / name;
    parts_.mover.get({key(), name, folder / name, manifest, {}});
    ++active_->fetching;
  }
}

void Slot::fetched(const Moved& moved, SteadyTime now) {
  const auto& job = std::get<GetFolder>(moved.job);
  if (!active_ || key() != job.key || active_->ended || active_->launched) return;
  now_ = now;
  if (!moved.status.ok()) {
    fail(failed_fetch(job, moved.status));
  } else if (--active_->fetching == 0) {
    launch(now);
  }
}

bool Slot::uses_relay() const { return active_->start.gang.members.size() > 1 && device() == "cpu"; }

std::string Slot::device() const {
  const auto config = nlohmann::json::parse(active_->start.config, nullptr, false);
  const bool wants_cpu = config.is_object() && config.value("device", nlohmann::json()) == "cpu";
  return wants_cpu ? "cpu" : options_.device;
}

void Slot::launch(SteadyTime now) {
  const fleet::Start& start = active_->start;
  const auto folder = parts_.dir.folder(key());
  TrialRun run;
  run.command = {.trial = key().trial.value(),
                 .attempt = key().attempt.value(),
                 .directory = folder,
                 .config_file = folder / "trial.json",
                 .device = device(),
                 .rank = start.gang.rank,
                 .size = static_cast<int>(std::max<size_t>(1, start.gang.members.size())),
                 .listen_host = options_.listen_host,
                 .resume = active_->resume,
                 .inputs = active_->inputs};
  run.start_timeout = start.start_timeout;
  run.stall_timeout = start.stall_timeout;
  active_->launched = true;
  if (const Status status = parts_.supervisor.start(std::move(run), now); !status.ok()) {
    fail(EndReason::kTrainerCrashed, status.message());
    return;
  }
  if (early_ && early_->key == key()) parts_.supervisor.join(early_->endpoint);
  early_.reset();
  if (!uses_relay()) return;
  GangLayout layout{.rank = start.gang.rank, .mpi_ranks = {}, .tag = start.gang.tag};
  for (const auto& member : start.gang.members) layout.mpi_ranks.push_back(member.mpi_rank);
  parts_.relay.open(std::move(layout), parts_.supervisor.relay());
}

void Slot::rendezvous(const fleet::Rendezvous& rendezvous) {
  if (active_ && active_->launched && key() == rendezvous.key) {
    if (!active_->ended) parts_.supervisor.join(rendezvous.endpoint);
  } else {
    early_ = rendezvous;  // the leader was faster than this rank's checkpoint, or than the end of its last trainer
  }
}

void Slot::stop(const fleet::Stop& stop, SteadyTime now) {
  if (next_ && next_->key == stop.key) next_.reset();
  if (stop.mode == fleet::StopMode::kKill || !holds(stop.key)) {
    if (holds(stop.key) && !active_->ended) log_info(what(stop.key), " is stopped: ", stop.text);
    drop(stop.key);
    return;
  }
  active_->stop_reason = stop.reason;
  preempt(stop.text, now);
}

void Slot::preempt(const std::string& why, SteadyTime now) {
  next_.reset();
  if (!active_ || active_->ended) return;
  now_ = now;
  active_->stop_text = why;
  if (active_->launched) {
    parts_.supervisor.stop_at_checkpoint();
  } else {
    fail(active_->stop_reason, why);
  }
}

void Slot::drop(const fleet::AttemptKey& dropped) {
  const bool here = holds(dropped);
  fleet::LastWords last;
  if (!here) last.log_tail = stored_log_tail(parts_.dir.folder(dropped));
  abandon(dropped);
  if (!here) parts_.outbox.free_slot(dropped, std::move(last));  // says so, whatever became of it
}

void Slot::abandon(const fleet::AttemptKey& abandoned) {
  // What it had said of its end may not have been heard.
  if (holds(abandoned)) active_->abandoned = true;
  if (holds(abandoned) && !active_->ended) {
    active_->ended = true;
    active_->metrics = {};
    if (active_->launched && uses_relay()) parts_.relay.close(active_->start.gang.tag);
    fleet::Failed stopped;
    stopped.reason = EndReason::kCancelled;
    if (parts_.supervisor.running()) parts_.supervisor.kill(stopped);
  }
  parts_.outbox.forget(abandoned);
}

void Slot::advance(SteadyTime now) {
  now_ = now;
  for (const SupervisorEvent& event : parts_.supervisor.advance(now)) {
    if (!active_ || active_->ended) continue;
    std::visit([this](const auto& any) { take(any); }, event);
  }
  if (active_ && !active_->ended && active_->metrics.due(now)) flush_metrics();
  if (active_ && !active_->ended && active_->symptom && now >= active_->say_symptom_at) say_end(*active_->symptom, {});
  if (active_ && active_->ended && parts_.supervisor.slot_free()) release();
  if (!active_ && next_ && parts_.supervisor.slot_free()) {
    const fleet::Start start = *std::exchange(next_, std::nullopt);
    begin(start, now);
  }
}

void Slot::release() {
  const fleet::AttemptKey freed = key();
  const bool unheard = active_->abandoned && active_->launched;
  active_.reset();
  parts_.outbox.free_slot(freed, unheard ? parts_.supervisor.last_words() : fleet::LastWords());
}

void Slot::take(const worker::ReadyEvent& event) {
  parts_.outbox.append(key(), fleet::Ready{event.state, event.endpoint});
}

void Slot::take(const worker::MetricsEvent& event) {
  for (const auto& point : event.points) {
    active_->metrics.add(fleet::MetricPoint{point.metric, point.step, point.value}, now_);
    if (active_->metrics.full()) flush_metrics();
  }
}

void Slot::take(const worker::NormStatEvent& event) {
  active_->metrics.add(fleet::NormStat{event.site, event.step, event.values}, now_);
  if (active_->metrics.full()) flush_metrics();
}

void Slot::flush_metrics() {
  for (fleet::EventBody& body : active_->metrics.take()) parts_.outbox.append(key(), std::move(body));
}

void Slot::take(const worker::CheckpointEvent& event) {
  flush_metrics();
  auto report = report_checkpoint(event, parts_.dir.folder(key()));
  if (report.ok()) {
    parts_.outbox.append(key(), std::move(report->body), std::move(report->needs));
  } else {
    log_warning(what(key()), ": a checkpoint is passed over: ", report.status().message());
  }
}

void Slot::take(const worker::LogEvent& event) {
  std::string text = event.text.substr(0, kLongestLogLine);
  parts_.outbox.append(key(), fleet::LogLine{event.level, std::move(text)});
}

// The leader says how the trial ended; the other ranks' empty Finished says only that nothing more of them will come.
void Slot::take(const Ended& ended) {
  flush_metrics();
  const bool leads = active_->start.gang.rank == 0;
  TrainerReport report{.body = fleet::Finished{}};
  if (const auto* failed = std::get_if<fleet::Failed>(&ended)) {
    log_warning(what(key()), " failed (", name(failed->reason), "): ", failed->message);
    report.body = *failed;
    if (failed->reason == EndReason::kCollectiveAborted && active_->start.gang.members.size() > 1) {
      if (uses_relay()) parts_.relay.close(active_->start.gang.tag);
      active_->symptom = *failed;
      active_->say_symptom_at = now_ + options_.cause_patience;
      return;
    }
  } else if (const auto* finished = std::get_if<worker::FinishedEvent>(&ended); finished && leads) {
    log_info(what(key()), finished->diverged ? " diverged" : " finished");
    report = report_result(*finished, parts_.dir.folder(key()));
  } else if (std::holds_alternative<worker::StoppedEvent>(ended)) {
    if (leads) {
      report.body = stopped_at_checkpoint();
    } else {
      parts_.outbox.broken_off(key());
    }
  }
  say_end(std::move(report.body), std::move(report.needs));
}

fleet::Failed Slot::stopped_at_checkpoint() const {
  fleet::Failed stopped;
  stopped.reason = active_->stop_reason;
  stopped.message = active_->stop_text.empty() ? "stopped at a checkpoint" : active_->stop_text;
  return stopped;
}

void Slot::say_end(fleet::EventBody body, std::vector<std::string> needs) {
  parts_.outbox.append(key(), std::move(body), std::move(needs));
  if (uses_relay()) parts_.relay.close(active_->start.gang.tag);
  active_->ended = true;
}

void Slot::fail(EndReason reason, const std::string& message) {
  fleet::Failed failed;
  failed.reason = reason;
  failed.message = message;
  fail(failed);
}

void Slot::fail(const fleet::Failed& failed) {
  log_warning(what(key()), " failed (", name(failed.reason), "): ", failed.message);
  parts_.mover.forget(key());
  parts_.outbox.append(key(), failed);
  active_->ended = true;
}

std::vector<fleet::AttemptProgress> Slot::progress() const {
  if (!active_ || active_->ended) return {};
  fleet::AttemptProgress progress;
  if (active_->launched) {
    progress = parts_.supervisor.progress();
  } else {
    progress.phase = "starting";
  }
  progress.key = active_->start.key;
  return {progress};
}

}  // namespace autonorm::agent
