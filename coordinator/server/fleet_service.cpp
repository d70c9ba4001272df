#include "coordinator/server/fleet_service.h"

#include "coordinator/server/artifact_streams.h"
#include "coordinator/server/fleet_session.h"

namespace autonorm::server {

FleetService::FleetService(EngineLoop& loop, SessionRegistry& sessions, store::ArtifactStore& artifacts,
                           RequestPool& artifact_pool)
    : loop_(loop), sessions_(sessions), artifacts_(artifacts), artifact_pool_(artifact_pool) {}

grpc::ServerBidiReactor<v1::WorkerMessage, v1::CoordinatorMessage>* FleetService::Session(
    grpc::CallbackServerContext* context) {
  return new FleetSession(loop_, sessions_, context->peer());  // deletes itself
}

grpc::ServerReadReactor<v1::ArtifactChunk>* FleetService::PutArtifact(grpc::CallbackServerContext*,
                                                                      v1::PutArtifactReply* reply) {
  return new ArtifactUpload(artifacts_, loop_, artifact_pool_, *reply);  // deletes itself
}

grpc::ServerWriteReactor<v1::ArtifactChunk>* FleetService::GetArtifact(grpc::CallbackServerContext*,
                                                                       const v1::GetArtifactRequest* request) {
  return new ArtifactDownload(artifacts_, loop_, artifact_pool_, *request);  // deletes itself
}

}  // namespace autonorm::server
