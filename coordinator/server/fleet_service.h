// The Fleet service: hands each stream its reactor.
#pragma once
#include "autonorm/v1/fleet.grpc.pb.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/request_pool.h"
#include "coordinator/server/session_registry.h"
#include "coordinator/store/artifact_store.h"

namespace autonorm::server {

// Everything handed in must outlive the service and its streams.
class FleetService final : public v1::Fleet::CallbackService {
 public:
  FleetService(EngineLoop& loop, SessionRegistry& sessions, store::ArtifactStore& artifacts,
               RequestPool& artifact_pool);

  grpc::ServerBidiReactor<v1::WorkerMessage, v1::CoordinatorMessage>* Session(
      grpc::CallbackServerContext* context) override;
  grpc::ServerReadReactor<v1::ArtifactChunk>* PutArtifact(grpc::CallbackServerContext* context,
                                                          v1::PutArtifactReply* reply) override;
  grpc::ServerWriteReactor<v1::ArtifactChunk>* GetArtifact(grpc::CallbackServerContext* context,
                                                           const v1::GetArtifactRequest* request) override;

 private:
  EngineLoop& loop_;
  SessionRegistry& sessions_;
  store::ArtifactStore& artifacts_;
  RequestPool& artifact_pool_;
};

}  // namespace autonorm::server
