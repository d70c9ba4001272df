#include "tests/bench/calibration.h"

#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "autonorm/v1/control.grpc.pb.h"
#include "core/base/durable_file.h"

extern char** environ;

namespace autonorm::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How often `once` runs in a second.
template <class Once>
double rate(milliseconds span, Once&& once) {
  const auto begin = steady_clock::now();
  int64_t count = 0;
  for (; steady_clock::now() - begin < span; ++count) once(count);
  return static_cast<double>(count) / std::chrono::duration<double>(steady_clock::now() - begin).count();
}

double fsync_rate(const std::filesystem::path& folder, milliseconds span) {
  constexpr int64_t kPages = 1'000;  // then from the start again, as a write-ahead log does
  const std::filesystem::path path = folder / "calibration.bin";
  double result = 0;
  {
    const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.valid()) throw std::runtime_error("cannot write " + path.string());
    const std::string page(4096, 'x');
    result = rate(span, [&](int64_t i) {
      const auto wrote = ::pwrite(file.get(), page.data(), page.size(), (i % kPages) * 4096);
      if (wrote != 4096 || ::fdatasync(file.get()) != 0) throw std::runtime_error("cannot sync " + path.string());
    });
  }
  std::filesystem::remove(path);
  return result;
}

class EmptyService final : public v1::Control::CallbackService {
 public:
  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context, const v1::GetInfoRequest*,
                                    v1::GetInfoReply*) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

double rpc_rate(milliseconds span) {
  EmptyService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto stub = v1::Control::NewStub(
      grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments));
  const auto call = [&](int64_t) {
    grpc::ClientContext context;
    v1::GetInfoReply reply;
    if (!stub->GetInfo(&context, {}, &reply).ok()) throw std::runtime_error("the calibration's own server is gone");
  };
  call(0);  // connects
  const double result = rate(span, call);
  server->Shutdown();
  return result;
}

double spawn_rate(milliseconds span) {
  return rate(span, [](int64_t) {
    char program[] = "/bin/true";
    char* arguments[] = {program, nullptr};
    pid_t pid = 0;
    if (::posix_spawn(&pid, program, nullptr, nullptr, arguments, environ) != 0)
      throw std::runtime_error("cannot start /bin/true");
    ::waitpid(pid, nullptr, 0);
  });
}

}  // namespace

double load_average() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : 0;
}

Calibration calibrate(const std::filesystem::path& folder, milliseconds each) {
  Calibration found;
  found.load = load_average();
  found.fsyncs = fsync_rate(folder, each);
  found.rpcs = rpc_rate(each);
  found.spawns = spawn_rate(each);
  return found;
}

}  // namespace autonorm::bench
