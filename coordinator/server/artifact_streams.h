// PutArtifact and GetArtifact as reactors of gRPC's callback API. Files are read and written on a pool's threads, one
// chunk at a time per stream, so an unread download or a slow disk holds up nobody else. Both delete themselves when
// gRPC is done.
#pragma once
#include <grpcpp/support/server_callback.h>

#include <memory>

#include "autonorm/v1/fleet.pb.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/request_pool.h"
#include "coordinator/store/artifact_store.h"

namespace autonorm::server {

inline constexpr size_t kMaxChunkBytes = 1 << 20;

class ArtifactUpload final : public grpc::ServerReadReactor<v1::ArtifactChunk> {
 public:
  // Tells the engine (ArtifactStored) before it replies. All arguments must outlive the stream.
  ArtifactUpload(store::ArtifactStore& artifacts, EngineLoop& loop, RequestPool& pool, v1::PutArtifactReply& reply);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  Status begin();       // the first chunk: what is coming
  Status take_chunk();  // of writer_
  void finish_upload();
  void done();  // stored, or was there already

  store::ArtifactStore& artifacts_;
  EngineLoop& loop_;
  RequestPool& pool_;
  v1::PutArtifactReply& reply_;
  v1::ArtifactChunk chunk_;
  std::unique_ptr<store::ArtifactWriter> writer_;  // empty before the first chunk
  Sha256 hash_;
  int64_t size_ = 0;
};

class ArtifactDownload final : public grpc::ServerWriteReactor<v1::ArtifactChunk> {
 public:
  ArtifactDownload(store::ArtifactStore& artifacts, EngineLoop& loop, RequestPool& pool,
                   const v1::GetArtifactRequest& request);

  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void open();
  void send_next();
  void give_up_damaged(const Status& status);

  store::ArtifactStore& artifacts_;
  EngineLoop& loop_;
  RequestPool& pool_;
  const Sha256 hash_;
  std::unique_ptr<store::ArtifactReader> reader_;
  v1::ArtifactChunk chunk_;
  int64_t sent_ = 0;
};

}  // namespace autonorm::server
