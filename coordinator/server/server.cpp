#include "coordinator/server/server.h"

#include <grpc/support/log.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <utility>

#include "coordinator/server/control_service.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/fleet_service.h"
#include "coordinator/server/grpc_deadline.h"
#include "coordinator/server/grpc_status.h"
#include "coordinator/server/listen_address.h"
#include "coordinator/server/log_desk.h"
#include "coordinator/server/report_desk.h"
#include "coordinator/server/request_pool.h"
#include "coordinator/server/retention_timer.h"
#include "coordinator/server/session_registry.h"
#include "coordinator/server/version.h"
#include "coordinator/store/store.h"
#include "core/base/log.h"

namespace autonorm::server {
namespace {

constexpr size_t kRequestThreads = 4;
constexpr size_t kArtifactThreads = 2;
constexpr size_t kMaxPendingChunks = 4096;
constexpr std::chrono::milliseconds kGoodbyeTime{500};
constexpr std::chrono::milliseconds kLastCallsTime{300};

// gRPC would print its own lines on stderr; what matters to people is in our errors.
void quiet_grpc() {
  gpr_set_log_function([](gpr_log_func_args* line) { log_debug("grpc: ", line->message); });
}

}  // namespace

// In the order of construction: later members use earlier ones.
struct Server::Parts {
  std::unique_ptr<store::Store> store;
  SessionRegistry sessions;
  std::unique_ptr<EngineLoop> loop;
  ReportDesk desk;
  LogDesk logs;
  RequestPool requests{kRequestThreads, kMaxPendingRequests};
  RequestPool reports{1, kMaxPendingReports, RequestPool::Priority::kLow, [this] { return desk.something_runs(); }};
  RequestPool artifacts{kArtifactThreads, kMaxPendingChunks};
  ArtifactCollector collector;
  RetentionTimer retention_timer;
  FleetService fleet;
  ControlService control;
  std::unique_ptr<grpc::Server> grpc;
  std::string address;
  bool stopped = false;

  Parts(std::unique_ptr<store::Store> opened, const Clock& clock, EngineLoopOptions loop_options, Retention retention)
      : store(std::move(opened)),
        loop(start_engine_loop(*store, sessions, clock, std::move(loop_options))),
        desk(store->directory()),
        logs(store->directory()),
        collector(*loop, store->artifacts(), store->directory(), clock),
        retention_timer(collector, retention, clock),
        fleet(*loop, sessions, store->artifacts(), artifacts),
        control(*loop, requests, reports, desk, logs, collector, retention, store->directory()) {}
};

namespace {

// Null when the port was taken by somebody else in the meantime.
std::unique_ptr<grpc::Server> listen_on(const std::string& address, FleetService& fleet, ControlService& control) {
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else two servers would share the port
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxRequestBytes));
  builder.SetMaxSendMessageSize(-1);
  builder.RegisterService(&fleet);
  builder.RegisterService(&control);
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  auto server = builder.BuildAndStart();
  return port == 0 ? nullptr : std::move(server);
}

EngineLoopOptions loop_options(const ServerOptions& options, const std::string& address) {
  EngineLoopOptions loop;
  loop.build = kBuildVersion;
  loop.secret = options.secret;
  loop.clock_era = options.clock_era;
  loop.limits = options.limits;
  loop.worker_command = "worker --coordinator " + address;
  return loop;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, const Clock& clock) {
  quiet_grpc();
  AUTONORM_RETURN_IF_ERROR(check_retention(options.retention));
  auto listen = parse_listen_address(options.listen);
  if (!listen.ok()) return listen.status();
  const auto port = try_listen(*listen);  // before the state directory is touched
  if (!port.ok()) return port.status();
  auto opened = store::Store::open(options.state, clock);
  if (!opened.ok()) return opened.status();
  listen->port = *port;
  const std::string address = to_text(*listen);
  auto parts = std::make_unique<Parts>(*std::move(opened), clock, loop_options(options, address), options.retention);
  parts->address = address;
  parts->grpc = listen_on(address, parts->fleet, parts->control);
  if (!parts->grpc) {
    const auto reason = try_listen(*listen);
    return reason.ok() ? internal("cannot listen on ", address, ": gRPC gave no reason; try again") : reason.status();
  }
  if (!is_loopback(*listen)) {
    log_warning("whoever reaches ", address, " can submit and cancel sweeps: there is no authentication; ",
                "listen on 127.0.0.1, or keep the port inside a trusted network");
  }
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() { stop(); }

const std::string& Server::address() const { return parts_->address; }
const std::filesystem::path& Server::directory() const { return parts_->store->directory(); }
EngineLoop& Server::loop() { return *parts_->loop; }

void Server::stop() {
  if (std::exchange(parts_->stopped, true)) return;
  parts_->loop->post(engine::Stopping{});
  if (!parts_->sessions.wait_empty(kGoodbyeTime)) parts_->sessions.close_all();
  parts_->grpc->Shutdown(grpc_deadline(kLastCallsTime));
}

}  // namespace autonorm::server
