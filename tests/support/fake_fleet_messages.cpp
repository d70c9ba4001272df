#include "tests/support/fake_fleet_messages.h"

#include <functional>
#include <map>
#include <string>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/messages/fleet.h"

namespace autonorm::testing {
namespace {

v1::WorkerMessage event_of(const v1::AttemptKey& key, int64_t seq) {
  v1::WorkerMessage message;
  *message.mutable_event()->mutable_key() = key;
  message.mutable_event()->set_seq(seq);
  return message;
}

}  // namespace

v1::WorkerMessage hello_of(int worker, int rank, int ranks) {
  v1::WorkerMessage message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_protocol(fleet::kProtocolVersion);
  hello.set_worker("fake-" + std::to_string(worker) + "-" + std::to_string(rank));
  hello.set_incarnation(1);
  hello.set_mpi_world("world-" + std::to_string(worker));
  hello.set_mpi_rank(rank);
  hello.set_mpi_size(ranks);
  hello.set_host("host-" + std::to_string(worker));
  hello.set_pid(1);
  hello.mutable_device()->set_kind("cpu");
  hello.set_build("fake");
  return message;
}

v1::WorkerMessage heartbeat() {
  v1::WorkerMessage message;
  message.mutable_heartbeat();
  return message;
}

v1::WorkerMessage joined(const v1::AttemptKey& key) {
  v1::WorkerMessage message = event_of(key, 1);
  message.mutable_event()->mutable_ready()->set_state("joined");
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

v1::WorkerMessage finished(const v1::AttemptKey& key, int64_t seq, uint64_t seed) {
  v1::WorkerMessage message = event_of(key, seq);
  v1::Finished& result = *message.mutable_event()->mutable_finished();
  result.set_reason(v1::END_REASON_COMPLETED);
  v1::NamedNumber& value = *result.add_results();
  value.set_name("test/accuracy");
  value.set_value(0.5 + 0.4 * static_cast<double>(std::hash<std::string>{}(key.trial()) % 1000) / 1000);
  v1::NamedText& fact = *result.add_facts();
  fact.set_name("order_sha256");
  fact.set_value(sha256(cat("order ", seed)).value());
  return message;
}

void fill_results(const v1::AttemptKey& key, uint64_t seed, v1::Finished& result) {
  const double varying = result.results(0).value();
  for (const char* metric :
       {"memory/peak_mib", "model/latency_ms", "model/macs", "model/parameters", "test/loss", "train/loss",
        "train/samples_per_s", "train/seconds", "train/step_ms", "val/accuracy", "val/loss"}) {
    v1::NamedNumber& value = *result.add_results();
    value.set_name(metric);
    value.set_value(1 + varying);
  }
  const auto add = [](auto& list, const std::string& name, const std::string& value) {
    v1::NamedText& text = *list.Add();
    text.set_name(name);
    text.set_value(value);
  };
  for (const auto& [name, value] : std::map<std::string, std::string>{{"build", sha256("build").value().substr(0, 40)},
                                                                      {"cpu_capability", "AVX512"},
                                                                      {"data_sha256", sha256("data").value()},
                                                                      {"device", "cpu"},
                                                                      {"final_step", "420"},
                                                                      {"torch_version", "2.11.0"},
                                                                      {"trainer_version", "0.1.0"},
                                                                      {"weights_sha256", key.trial()}})
    add(*result.mutable_facts(), name, value);
  constexpr int kParameters = 80;
  for (int i = 0; i < kParameters; ++i) {
    const std::string parameter = cat("blocks.", i / 7, ".attention.project.", i % 7, ".weight [192, 192]");
    add(*result.mutable_initial(), parameter, sha256(cat(parameter, seed)).value());
  }
}

v1::WorkerMessage slot_free(const v1::AttemptKey& key) {
  v1::WorkerMessage message;
  *message.mutable_slot_free()->mutable_key() = key;
  return message;
}

}  // namespace autonorm::testing
