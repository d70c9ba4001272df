#include "coordinator/server/artifact_streams.h"

#include "coordinator/server/grpc_status.h"
#include "core/base/log.h"

namespace autonorm::server {
namespace {

Status too_many_streams() {
  return exhausted("the coordinator serves too many artifact streams at once; try again in a moment");
}

}  // namespace

ArtifactUpload::ArtifactUpload(store::ArtifactStore& artifacts, EngineLoop& loop, RequestPool& pool,
                               v1::PutArtifactReply& reply)
    : artifacts_(artifacts), loop_(loop), pool_(pool), reply_(reply) {
  StartRead(&chunk_);
}

// Exactly one of StartRead and Finish follows each read, so the stream never has two owners.
void ArtifactUpload::OnReadDone(bool ok) {
  const bool posted = pool_.post([this, ok] {
    if (!ok) return finish_upload();
    const bool first = writer_ == nullptr;
    if (const Status status = first ? begin() : take_chunk(); !status.ok()) return Finish(to_grpc(status));
    if (first && !writer_) return done();  // it is here already: the rest need not come
    StartRead(&chunk_);
  });
  if (!posted) Finish(to_grpc(too_many_streams()));
}

Status ArtifactUpload::begin() {
  hash_ = Sha256(chunk_.sha256());
  size_ = chunk_.size();
  if (size_ < 0) return invalid("an artifact cannot have ", size_, " bytes");
  if (artifacts_.claim(hash_)) {
    reply_.set_existed(true);
    return {};
  }
  auto writer = artifacts_.create(hash_);
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  return take_chunk();
}

Status ArtifactUpload::take_chunk() {
  const std::string& data = chunk_.data();
  if (data.size() > kMaxChunkBytes)
    return invalid("a chunk of ", data.size(), " bytes; at most ", kMaxChunkBytes, " are allowed");
  if (writer_->bytes() + static_cast<int64_t>(data.size()) > size_) {
    return invalid("artifact ", hash_, " was announced with ", size_, " bytes, but more came");
  }
  return writer_->write(data);
}

void ArtifactUpload::finish_upload() {
  if (!writer_) return Finish(to_grpc(invalid("the stream ended before its first chunk")));
  if (writer_->bytes() != size_) {
    return Finish(
        to_grpc(invalid("artifact ", hash_, " was announced with ", size_, " bytes, but ", writer_->bytes(), " came")));
  }
  if (const Status status = writer_->finish(); !status.ok()) return Finish(to_grpc(status));
  done();
}

void ArtifactUpload::done() {
  loop_.post(engine::ArtifactStored{.hash = hash_, .bytes = size_});
  Finish(grpc::Status::OK);
}

ArtifactDownload::ArtifactDownload(store::ArtifactStore& artifacts, EngineLoop& loop, RequestPool& pool,
                                   const v1::GetArtifactRequest& request)
    : artifacts_(artifacts), loop_(loop), pool_(pool), hash_(request.sha256()) {
  if (!pool_.post([this] { open(); })) Finish(to_grpc(too_many_streams()));
}

void ArtifactDownload::open() {
  auto reader = artifacts_.open_reader(hash_);
  if (!reader.ok()) return Finish(to_grpc(reader.status()));
  reader_ = *std::move(reader);
  chunk_.set_sha256(hash_.value());
  chunk_.set_size(reader_->bytes());
  send_next();
}

// An empty file is one chunk without data.
void ArtifactDownload::send_next() {
  auto piece = reader_->read(kMaxChunkBytes);
  if (piece.status().code() == Code::kInvalid) return give_up_damaged(piece.status());
  if (!piece.ok()) return Finish(to_grpc(piece.status()));
  if (piece->empty() && sent_ > 0) return Finish(grpc::Status::OK);
  chunk_.set_data(*std::move(piece));
  ++sent_;
  StartWrite(&chunk_);
}

// The file goes, so that an upload of the same bytes is not told that they are here already.
void ArtifactDownload::give_up_damaged(const Status& status) {
  log_error(status.message(), "; is the disk failing? Its trial begins elsewhere");
  if (artifacts_.discard(*reader_)) loop_.post(engine::ArtifactsDropped{{hash_}});
  Finish(to_grpc(status));
}

void ArtifactDownload::OnWriteDone(bool ok) {
  if (!ok) return Finish(to_grpc(unavailable("the reader of artifact ", hash_, " went away")));
  chunk_.clear_sha256();
  chunk_.clear_size();
  if (!pool_.post([this] { send_next(); })) Finish(to_grpc(too_many_streams()));
}

}  // namespace autonorm::server
