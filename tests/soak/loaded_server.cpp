#include "tests/soak/loaded_server.h"

#include <grpcpp/create_channel.h>
#include <poll.h>

#include <chrono>
#include <stdexcept>

#include "coordinator/server/engine_loop.h"
#include "core/base/text.h"

namespace autonorm::soak {
namespace {

constexpr std::chrono::minutes kLease{30};  // the fleet sends no heartbeats
constexpr std::chrono::seconds kConnectPatience{10};

// Two variants at each of so many learning rates.
std::string sweep_text(int64_t trials, int64_t cells) {
  std::string rates;
  for (int64_t i = 1; i <= cells / 2; ++i) rates += cat(i == 1 ? "" : ", ", i, "e-6");
  return cat("[sweep]\nname = \"load\"\nquestion = \"does it keep up?\"\nbaseline = \"LayerNorm\"\n",
             "metric = \"test/accuracy\"\nseeds = { count = ", trials / cells,
             " }\n[base]\ndata = { name = \"digits\" }\n",
             "model = { family = \"vit\", patch = 2, dim = 16, depth = 1, heads = 2 }\n",
             "train = { epochs = 1, batch = 64 }\n[matrix]\n\"train.lr\" = [", rates,
             "]\n[[variant]]\nname = \"LayerNorm\"\n", "[[variant]]\nname = \"RMSNorm\"\nnorm = { kind = \"rms\" }\n");
}

}  // namespace

LoadedServer::LoadedServer() {
  engine::Limits limits;
  limits.lease = kLease;
  auto server = server::Server::start(
      {.listen = "127.0.0.1:0", .state = folder_.path(), .secret = "soak", .limits = limits}, clock_);
  if (!server.ok()) throw std::runtime_error(server.status().message());
  server_ = *std::move(server);
}

std::unique_ptr<v1::Control::Stub> LoadedServer::stub() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own, as each command has
  arguments.SetMaxReceiveMessageSize(-1);                   // reports may be large; likewise
  const auto channel = grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
  const auto deadline = std::chrono::system_clock::now() + kConnectPatience;  // gRPC tries again until then
  if (!channel->WaitForConnected(deadline)) throw std::runtime_error("no connection to the server");
  return v1::Control::NewStub(channel);
}

void LoadedServer::submit(int64_t trials, int64_t cells) const {
  auto submission = request<v1::SubmitSweepRequest>();
  submission.set_idempotency_key("load");
  submission.mutable_source()->set_root("load.toml");
  auto* file = submission.mutable_source()->add_files();
  file->set_path("load.toml");
  file->set_text(sweep_text(trials, cells));
  grpc::ClientContext context;
  v1::SubmitSweepReply reply;
  const grpc::Status status = stub()->SubmitSweep(&context, submission, &reply);
  if (!status.ok()) throw std::runtime_error(status.error_message());
}

int64_t LoadedServer::trials_in(TrialState state) const {
  int64_t count = 0;
  for (const auto& sweep : server_->loop().sweeps()) {
    const auto found = sweep.counts.find(state);
    if (found != sweep.counts.end()) count += found->second;
  }
  return count;
}

bool wait_until(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    poll(nullptr, 0, 2);  // give the server the processor between two looks
  }
  return true;
}

}  // namespace autonorm::soak
