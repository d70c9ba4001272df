#include "coordinator/cli/view_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "coordinator/cli/view_text.h"
#include "coordinator/cli/wording.h"

namespace autonorm::cli {
namespace {

using Json = nlohmann::ordered_json;

// Bytes that are not UTF-8 become U+FFFD instead of an exception.
std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json optional_number(const std::optional<double>& number) {
  return number && std::isfinite(*number) ? Json(*number) : Json(nullptr);
}

Json group_json(const engine::FailureGroup& group) {
  return {{"end", name(group.end)}, {"text", group.text}, {"count", group.count}, {"trial", group.example.value()}};
}

Json sweep_json(const engine::SweepView& sweep) {
  Json json{{"id", sweep.id.value()},     {"name", sweep.name},   {"state", sweep.state},
            {"question", sweep.question}, {"cells", sweep.cells}, {"trials", sweep.trials}};
  for (int i = 0; i <= static_cast<int>(TrialState::kCancelled); ++i) {
    const auto state = static_cast<TrialState>(i);
    json[std::string(name(state))] = count(sweep, state);
  }
  json["submitted"] = time_text(sweep.submitted);
  json["eta_s"] = optional_number(sweep.eta_s);
  json["failures"] = Json::array();
  for (const engine::FailureGroup& group : sweep.failures) json["failures"].push_back(group_json(group));
  return json;
}

Json trial_json(const engine::TrialView& trial) {
  Json workers = Json::array();
  for (const auto& worker : trial.workers) workers.push_back(worker.value());
  return {{"trial", trial.id.value()},
          {"variant", trial.variant},
          {"labels", trial.labels},
          {"seed", trial.seed},
          {"state", name(trial.state)},
          {"attempt", trial.attempt.value()},
          {"ranks", trial.ranks},
          {"is_stage", trial.is_stage},
          {"reason", trial.reason},
          {"end", trial.end ? Json(name(*trial.end)) : Json(nullptr)},
          {"workers", workers},
          {"host", trial.host},
          {"step", trial.step},
          {"total_steps", trial.total_steps},
          {"phase", trial.phase},
          {"loss", optional_number(trial.loss)},
          {"samples_per_s", trial.samples_per_s}};
}

Json worker_json(const engine::WorkerView& worker) {
  return {{"worker", worker.id.value()},
          {"host", worker.host},
          {"device", worker.device.kind},
          {"device_index", worker.device.index},
          {"device_name", worker.device.name},
          {"device_memory_bytes", worker.device.memory_bytes},
          {"mpi_world", worker.mpi_world},
          {"mpi_rank", worker.mpi_rank},
          {"mpi_size", worker.mpi_size},
          {"state", worker.state},
          {"reason", worker.reason},
          {"trial", worker.trial ? Json(worker.trial->value()) : Json(nullptr)},
          {"lease_left_s", worker.lease_left_s},
          {"build", worker.build},
          {"torch", worker.torch},
          {"recovery", worker.recovery}};
}

}  // namespace

std::string sweeps_json(const std::vector<engine::SweepView>& sweeps) {
  Json json = Json::array();
  for (const auto& sweep : sweeps) json.push_back(sweep_json(sweep));
  return dump(json);
}

std::string workers_json(const std::vector<engine::WorkerView>& workers) {
  Json json = Json::array();
  for (const auto& worker : workers) json.push_back(worker_json(worker));
  return dump(json);
}

std::string status_json(const ServerInfo& info, const std::optional<engine::SweepView>& sweep,
                        const std::vector<engine::TrialView>& trials) {
  Json json{{"server",
             {{"build", info.build},
              {"state_directory", info.state_directory},
              {"epoch", info.epoch},
              {"trouble", info.trouble.empty() ? Json(nullptr) : Json(info.trouble)}}},
            {"sweep", sweep ? sweep_json(*sweep) : Json(nullptr)},
            {"trials", Json::array()}};
  for (const auto& trial : trials) json["trials"].push_back(trial_json(trial));
  return dump(json);
}

std::string explanation_json(const engine::Explanation& explanation) {
  Json json{{"trials", Json::array()}, {"lines", explanation.lines}};
  for (const engine::ExplainedTrial& trial : explanation.trials) {
    json["trials"].push_back(
        {{"trial", trial.id.value()},
         {"sweep", trial.sweep.value()},
         {"variant", trial.variant},
         {"labels", trial.labels},
         {"seed", trial.seed},
         {"is_stage", trial.is_stage},
         {"state", name(trial.state)},
         {"attempt", trial.attempt.value()},
         {"reason", trial.reason},
         {"outlook", trial.outlook},
         {"failed_attempts", trial.failed_attempts},
         {"max_attempts", trial.max_attempts},
         {"checkpoint_step", trial.checkpoint_step ? Json(*trial.checkpoint_step) : Json(nullptr)}});
  }
  return dump(json);
}

std::string failures_json(const engine::SweepView& sweep, const std::vector<engine::Explanation>& examples) {
  Json json{
      {"sweep", sweep.id.value()}, {"name", sweep.name}, {"failed", failed_trials(sweep)}, {"groups", Json::array()}};
  for (size_t i = 0; i < sweep.failures.size(); ++i) {
    json["groups"].push_back(group_json(sweep.failures[i]));
    json["groups"].back()["lines"] = examples.at(i).lines;
  }
  return dump(json);
}

}  // namespace autonorm::cli
