#include "worker/agent/delivery/session_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <mutex>
#include <thread>

#include "autonorm/v1/fleet.grpc.pb.h"
#include "core/base/durable_file.h"
#include "core/base/sha256.h"
#include "proto/codec/fleet_codec.h"
#include "worker/agent/delivery/event_queue.h"

namespace autonorm::agent {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr int kArtifactCallSeconds = 600;

std::shared_ptr<grpc::Channel> make_channel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // a coordinator is reached directly, whatever http_proxy says
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // Heartbeats keep the connection in use; the ping finds a coordinator whose host has vanished without a word.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

Status from_grpc(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return {};
    case grpc::StatusCode::NOT_FOUND:
      return not_found(status.error_message());
    case grpc::StatusCode::INVALID_ARGUMENT:
      return invalid(status.error_message());
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return exhausted(status.error_message());
    default:
      return unavailable(status.error_message());
  }
}

struct StreamEvent {
  int64_t stream = 0;
  LinkEvent event;
};
using StreamEvents = EventQueue<StreamEvent>;

// One session's stream. Owns itself from start() to OnDone(), which gRPC calls once and last.
class SessionStream final : public grpc::ClientBidiReactor<v1::WorkerMessage, v1::CoordinatorMessage> {
 public:
  static std::shared_ptr<SessionStream> start(int64_t number, v1::Fleet::Stub& stub, StreamEvents& events,
                                              const fleet::Hello& hello) {
    std::shared_ptr<SessionStream> stream(new SessionStream(number, events));
    stream->self_ = stream;
    stub.async()->Session(&stream->context_, stream.get());
    stream->send(hello);
    stream->StartRead(&stream->incoming_);
    stream->StartCall();
    return stream;
  }

  void send(const fleet::ToCoordinator& message) {
    v1::WorkerMessage wire = codec::encode(message);
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (std::holds_alternative<fleet::Heartbeat>(message)) {
      heartbeat_ = std::move(wire);  // a newer one replaces one that still waits
    } else {
      queue_.push_back(std::move(wire));
    }
    write_next();
  }

  void cancel() { context_.TryCancel(); }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok && !closed_) write_next();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      // From here on nothing is started, so that OnDone can come; until it has returned the read keeps the call alive.
      const std::lock_guard lock(mutex_);
      closed_ = true;
      return;
    }
    auto message = codec::decode(incoming_);
    if (message.ok()) {
      events_.post({number_, *std::move(message)});
    } else {
      violation_ = message.status();
      context_.TryCancel();
    }
    StartRead(&incoming_);
  }

  void OnDone(const grpc::Status& status) override {
    events_.post({number_, SessionEnded{violation_.ok() ? from_grpc(status) : violation_}});
    const auto last_reference = std::move(self_);
  }

 private:
  SessionStream(int64_t number, StreamEvents& events) : number_(number), events_(events) {}

  // Requires mutex_.
  void write_next() {
    if (writing_ || (!heartbeat_ && queue_.empty())) return;
    if (heartbeat_ && greeted_) {
      outgoing_ = *std::exchange(heartbeat_, std::nullopt);
    } else if (!queue_.empty()) {
      outgoing_ = std::move(queue_.front());
      queue_.pop_front();
      greeted_ = true;  // Hello is the first
    } else {
      return;
    }
    writing_ = true;
    StartWrite(&outgoing_);
  }

  const int64_t number_;
  StreamEvents& events_;
  grpc::ClientContext context_;
  v1::CoordinatorMessage incoming_;
  Status violation_;
  std::shared_ptr<SessionStream> self_;

  std::mutex mutex_;
  bool closed_ = false, writing_ = false, greeted_ = false;  // guarded by mutex_, like the rest
  std::optional<v1::WorkerMessage> heartbeat_;
  std::deque<v1::WorkerMessage> queue_;  // bounded by the agent's window of unacknowledged events
  v1::WorkerMessage outgoing_;
};

class SessionClient final : public CoordinatorLink {
 public:
  explicit SessionClient(const std::string& address)
      : channel_(make_channel(address)), stub_(v1::Fleet::NewStub(channel_)) {}

  // Every stream must be done before the queue that it posts to goes.
  ~SessionClient() override {
    disconnect();
    for (const auto& weak : streams_) {
      if (const auto stream = weak.lock()) stream->cancel();
    }
    const auto all_gone = [this] {
      std::erase_if(streams_, [](const auto& stream) { return stream.expired(); });
      return streams_.empty();
    };
    while (!all_gone()) std::this_thread::yield();
  }

  void connect(const fleet::Hello& hello) override {
    disconnect();
    std::erase_if(streams_, [](const auto& stream) { return stream.expired(); });
    stream_ = SessionStream::start(++number_, *stub_, events_, hello);
    streams_.push_back(stream_);
  }
  void disconnect() override {
    if (stream_) stream_->cancel();
    stream_.reset();
    ++number_;  // what the old stream still posts is passed over
  }
  void send(const fleet::ToCoordinator& message) override {
    if (stream_) stream_->send(message);
  }
  std::vector<LinkEvent> take() override {
    std::vector<LinkEvent> present;
    for (StreamEvent& event : events_.take()) {
      if (event.stream == number_) present.push_back(std::move(event.event));
    }
    return present;
  }
  int fd() const override { return events_.fd(); }

 private:
  StreamEvents events_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Fleet::Stub> stub_;
  int64_t number_ = 0;
  std::shared_ptr<SessionStream> stream_;
  std::vector<std::weak_ptr<SessionStream>> streams_;  // every one that may still post
};

class ArtifactClient final : public ArtifactTransport {
 public:
  explicit ArtifactClient(const std::string& address)
      : channel_(make_channel(address)), stub_(v1::Fleet::NewStub(channel_)) {}

  Status put(const Sha256& hash, const std::filesystem::path& path) override {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return not_found("the file ", path.string(), " cannot be read");
    v1::ArtifactChunk chunk;
    chunk.set_sha256(hash.value());
    chunk.set_size(file.tellg());
    file.seekg(0);
    Call call(*this);
    if (call.refused) return unavailable("the worker is stopping");
    v1::PutArtifactReply reply;
    const auto writer = stub_->PutArtifact(&call.context, &reply);
    std::string data;
    do {  // an empty file is one chunk without data
      data.resize(kChunkBytes);
      file.read(data.data(), static_cast<std::streamsize>(data.size()));
      data.resize(static_cast<size_t>(file.gcount()));
      chunk.set_data(data);
      if (!writer->Write(chunk)) break;  // Finish() says why
      chunk.Clear();
    } while (file);
    writer->WritesDone();
    return from_grpc(writer->Finish());
  }

  Status get(const Sha256& hash, const std::filesystem::path& path) override {
    Call call(*this);
    if (call.refused) return unavailable("the worker is stopping");
    v1::GetArtifactRequest request;
    request.set_sha256(hash.value());
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    const auto reader = stub_->GetArtifact(&call.context, request);
    Sha256Stream digest;
    v1::ArtifactChunk chunk;
    while (reader->Read(&chunk)) {
      digest.update(chunk.data().data(), chunk.data().size());
      file.write(chunk.data().data(), static_cast<std::streamsize>(chunk.data().size()));
    }
    AUTONORM_RETURN_IF_ERROR(from_grpc(reader->Finish()).with_context(cat("artifact ", hash)));
    if (!file.flush()) return exhausted("writing ", path.string(), " failed; is the disk full?");
    if (digest.finish() != hash) return invalid("artifact ", hash, " arrived damaged");
    return {};
  }

  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (current_ != nullptr) current_->TryCancel();
  }

 private:
  // Registers a call's context for cancel().
  struct Call {
    explicit Call(ArtifactClient& owner) : owner(owner) {
      // On gRPC's monotonic clock: a wall clock that is set meanwhile changes nothing.
      context.set_deadline(
          gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(kArtifactCallSeconds, GPR_TIMESPAN)));
      const std::lock_guard lock(owner.mutex_);
      refused = owner.cancelled_;
      owner.current_ = &context;
    }
    ~Call() {
      const std::lock_guard lock(owner.mutex_);
      owner.current_ = nullptr;
    }
    ArtifactClient& owner;
    grpc::ClientContext context;
    bool refused = false;
  };

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Fleet::Stub> stub_;
  std::mutex mutex_;
  bool cancelled_ = false;                  // guarded by mutex_
  grpc::ClientContext* current_ = nullptr;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<CoordinatorLink> make_session_client(const std::string& address) {
  return std::make_unique<SessionClient>(address);
}
std::unique_ptr<ArtifactTransport> make_artifact_client(const std::string& address) {
  return std::make_unique<ArtifactClient>(address);
}

}  // namespace autonorm::agent
