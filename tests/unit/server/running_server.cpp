#include "tests/unit/server/running_server.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace autonorm {

RunningServer::RunningServer() { start(); }

void RunningServer::start(const std::string& listen) {
  auto server = server::Server::start({.listen = listen, .state = folder_.path(), .secret = "test"}, clock_);
  if (!server.ok()) throw std::runtime_error(server.status().message());
  server_ = *std::move(server);
}

std::unique_ptr<cli::ControlClient> RunningServer::client() const {
  auto client = cli::ControlClient::connect(address(), std::chrono::seconds(20));
  if (!client.ok()) throw std::runtime_error(client.status().message());
  return *std::move(client);
}

config::SweepSource small_sweep(int seeds, const std::string& name, int ranks) {
  const std::string text = cat("[sweep]\nname = \"", name, "\"\nquestion = \"?\"\nbaseline = \"LayerNorm\"\n",
                               "metric = \"test/accuracy\"\nseeds = { count = ", seeds, " }\n",
                               "[base]\nranks = ", ranks, "\ndata = { name = \"digits\" }\n",
                               "model = { family = \"vit\", patch = 2, dim = 16, depth = 1, heads = 2 }\n",
                               "train = { epochs = 1, batch = 64 }\n", "[[variant]]\nname = \"LayerNorm\"\n",
                               "[[variant]]\nname = \"RMSNorm\"\nnorm = { kind = \"rms\" }\n");
  return {.root = "small.toml", .files = {{"small.toml", text}}};
}

}  // namespace autonorm
