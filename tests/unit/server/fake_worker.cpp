#include "tests/unit/server/fake_worker.h"

#include <grpcpp/create_channel.h>

#include <chrono>

#include "autonorm/v1/fleet.grpc.pb.h"
#include "coordinator/server/grpc_status.h"
#include "proto/codec/fleet_codec.h"

namespace autonorm {
namespace {

std::chrono::system_clock::time_point deadline() { return std::chrono::system_clock::now() + std::chrono::seconds(30); }

std::shared_ptr<grpc::Channel> open_channel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

fleet::Hello hello_of(const std::string& worker, int rank, int size) {
  fleet::Hello hello;
  hello.worker = WorkerId(worker);
  hello.incarnation = 1;
  hello.mpi_world = "world";
  hello.mpi_rank = rank;
  hello.mpi_size = size;
  hello.host = "testhost";
  hello.pid = 1;
  hello.build = "test";
  return hello;
}

struct FakeWorker::Stream {
  std::unique_ptr<v1::Fleet::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerMessage, v1::CoordinatorMessage>> rpc;
};

FakeWorker::FakeWorker(const std::string& address) : stream_(std::make_unique<Stream>()) {
  stream_->stub = v1::Fleet::NewStub(open_channel(address));
  stream_->context.set_deadline(deadline());
  stream_->rpc = stream_->stub->Session(&stream_->context);
}

FakeWorker::~FakeWorker() { stream_->context.TryCancel(); }

void FakeWorker::send(const fleet::ToCoordinator& message) { stream_->rpc->Write(codec::encode(message)); }
void FakeWorker::send_garbage() { stream_->rpc->Write(v1::WorkerMessage()); }

std::optional<fleet::ToWorker> FakeWorker::receive() {
  v1::CoordinatorMessage wire;
  if (!stream_->rpc->Read(&wire)) return std::nullopt;
  auto message = codec::decode(wire);
  if (!message.ok()) throw std::runtime_error(message.status().message());
  return *std::move(message);
}

Status FakeWorker::end() {
  while (receive()) {
  }
  return server::from_grpc(stream_->rpc->Finish());
}

void FakeWorker::complete(const fleet::Start& start, double accuracy) {
  send(fleet::Event{start.key, Seq(1), fleet::Ready{"listening", "127.0.0.1:1"}});
  send(fleet::Event{start.key, Seq(2), fleet::Ready{"joined", ""}});
  fleet::Finished finished;
  finished.results = {{"test/accuracy", accuracy}};
  finished.facts = {{"weights_sha256", std::string(64, 'e')}};
  send(fleet::Event{start.key, Seq(3), finished});
  send(fleet::SlotFree{start.key});
}

void FakeWorker::fail(const fleet::Start& start) {
  fleet::Failed failed;
  failed.reason = EndReason::kBadConfig;
  failed.message = "no such optimizer";
  send(fleet::Event{start.key, Seq(1), fleet::Ready{"listening", "127.0.0.1:1"}});
  send(fleet::Event{start.key, Seq(2), failed});
  send(fleet::SlotFree{start.key});
}

Result<bool> FakeWorker::put(const Sha256& hash, int64_t announced_bytes, const std::string& bytes, size_t chunk) {
  grpc::ClientContext context;
  context.set_deadline(deadline());
  v1::PutArtifactReply reply;
  const auto writer = stream_->stub->PutArtifact(&context, &reply);
  v1::ArtifactChunk wire;
  wire.set_sha256(hash.value());
  wire.set_size(announced_bytes);
  size_t at = 0;
  do {
    wire.set_data(bytes.substr(at, chunk));
    at += chunk;
    if (!writer->Write(wire)) break;  // the server has heard enough; Finish says why
    wire.Clear();
  } while (at < bytes.size());
  writer->WritesDone();
  if (const auto status = writer->Finish(); !status.ok()) return server::from_grpc(status);
  return reply.existed();
}

Result<std::string> FakeWorker::get(const Sha256& hash) {
  grpc::ClientContext context;
  context.set_deadline(deadline());
  v1::GetArtifactRequest request;
  request.set_sha256(hash.value());
  const auto reader = stream_->stub->GetArtifact(&context, request);
  std::string bytes;
  int64_t announced = -1;
  for (v1::ArtifactChunk chunk; reader->Read(&chunk);) {
    if (announced < 0) announced = chunk.size();
    bytes += chunk.data();
  }
  if (const auto status = reader->Finish(); !status.ok()) return server::from_grpc(status);
  if (announced != static_cast<int64_t>(bytes.size()))
    return internal("announced ", announced, " bytes, sent ", bytes.size());
  return bytes;
}

}  // namespace autonorm
