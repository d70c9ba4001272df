// One worker in tests: the real agent, spool and supervisor, a stand-in trainer, and a coordinator in memory.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "tests/unit/agent/fake_coordinator.h"
#include "tests/unit/agent/memory_fabric.h"
#include "tests/unit/agent/temporary_folder.h"
#include "worker/agent/agent.h"

namespace autonorm::agent {

std::filesystem::path stand_in_trainer();  // agent_test.cpp

// One start of a worker on a work-dir.
struct Life {
  Life(const std::filesystem::path& parent, FakeArtifacts& artifacts,
       std::chrono::milliseconds cause_patience = std::chrono::seconds(1))
      : dir(*WorkDir::open(parent, 0, "worker-1")),
        mover(artifacts),
        relay([this] { return std::make_unique<MemoryFabric>(network, 0); }, clock),
        supervisor(
            {.program = stand_in_trainer(), .environment = environ, .group_memory = [] { return GroupMemory{}; }}),
        agent({.hello = hello(),
               .coordinator = "host:1",
               .listen_host = "127.0.0.1",
               .grace = std::chrono::seconds(10),
               .cause_patience = cause_patience},
              {dir, link, mover, relay, supervisor, clock}) {
    agent.begin();
    agent.step();
  }

  fleet::Hello hello() const {
    fleet::Hello hello;
    hello.worker = dir.worker();
    hello.incarnation = dir.incarnation();
    return hello;
  }
  // Acts and waits until `enough` holds or 20 s have passed.
  template <class Enough>
  bool until(Enough enough) {
    for (int i = 0; i < 400; ++i) {
      agent.step();
      if (enough()) return true;
      agent.wait(-1, std::chrono::milliseconds(50));
    }
    return false;
  }
  void welcome(fleet::Welcome welcome = {}) {
    link.say(fleet::ToWorker(welcome));
    agent.step();
  }
  void say(fleet::ToWorker message) {
    link.say(std::move(message));
    agent.step();
  }
  void acknowledge(const fleet::AttemptKey& key) {
    const auto numbers = link.numbers(key);
    say(fleet::Ack{key, numbers.back()});
  }

  SystemClock clock;
  MemoryNetwork network;
  WorkDir dir;
  FakeLink link;
  ArtifactMover mover;
  RelayService relay;
  TrainerSupervisor supervisor;
  Agent agent;
};

inline fleet::AttemptKey key(int attempt = 1, char trial = 'a') {
  return {TrialId(std::string(64, trial)), Attempt(attempt), Token(std::string(32, static_cast<char>('0' + attempt)))};
}

inline fleet::Start start(const fleet::AttemptKey& key, const std::string& fake) {
  fleet::Start start;
  start.key = key;
  start.config = "{\"fake\":" + fake + "}";
  start.gang.members = {{WorkerId("worker-1"), 0, "h"}};
  return start;
}

struct Story : ::testing::Test {
  TemporaryFolder folder;
  FakeArtifacts artifacts;
};

// A checkpoint of one file that the coordinator holds → its manifest.
inline Sha256 add_checkpoint(FakeArtifacts& artifacts, const std::string& state) {
  const std::string manifest =
      cat(R"({"step":9,"files":{"state.bin":{"sha256":")", sha256(state).value(), R"(","bytes":)", state.size(), "}}}");
  artifacts.add(sha256(state), state);
  artifacts.add(sha256(manifest), manifest);
  return sha256(manifest);
}

// Has the worker train until its first step is known.
inline void train_endlessly(Life& life) {
  life.say(start(key(), R"({"steps": 1000000, "step_ms": 10, "log": "it goes slowly"})"));
  ASSERT_TRUE(life.until([&] { return !life.link.bodies<fleet::Metrics>().empty(); }));
}

}  // namespace autonorm::agent
