#include "worker/agent/relay/relay_gang.h"

#include <algorithm>
#include <cstring>

#include "core/base/status.h"
#include "worker/agent/relay/rank_order_sum.h"

namespace autonorm::agent {

using worker::RelayOp;
using worker::RelayResult;

RelayGang::RelayGang(GangLayout layout, Fabric& fabric)
    : layout_(std::move(layout)), fabric_(fabric), peers_(layout_.mpi_ranks.size()) {
  AUTONORM_CHECK(layout_.rank >= 0 && layout_.rank < size(), "a gang's rank lies within its members");
}

void RelayGang::begin(worker::RelaySegment& segment, SteadyTime now) {
  AUTONORM_CHECK(!busy(), "one relay request at a time");
  segment_ = &segment;
  // Copied once: the trainer's memory is not to be trusted to stay as it is.
  request_ = {segment.op, segment.dtype, segment.root, 0, segment.count, segment.sequence};
  const auto limit = segment.deadline_ms > 0 ? std::chrono::milliseconds(segment.deadline_ms) : kDefaultDeadline;
  deadline_ = now + limit;
  if (!failure_.empty() || fin_sent_) return;  // progress() answers
  if (problem_ = unsupported(request_, size()); !problem_.empty()) return;
  expect_parts();
  send_contributions();
}

bool RelayGang::reduces_in_slices() const {
  return request_.op == RelayOp::kAllReduceSum && request_.bytes(request_.count) > kWholeBytes;
}

void RelayGang::expect_parts() {
  contributions_missing_ = 0;
  for (int rank = 0; rank < size(); ++rank) {
    Peer& peer = peers_[rank];
    peer.expected.clear();
    peer.contribution.clear();
    if (rank == layout_.rank) continue;
    if (request_.op == RelayOp::kBroadcast) {
      if (rank == static_cast<int>(request_.root)) peer.expected = {PartKind::kContribution};
    } else if (reduces_in_slices()) {
      peer.expected = {PartKind::kSum, PartKind::kContribution};
    } else {
      peer.expected = {PartKind::kContribution};
    }
    if (!peer.expected.empty()) ++contributions_missing_;
  }
}

void RelayGang::send_contributions() {
  const uint64_t payload = request_.op == RelayOp::kBarrier ? 0 : request_.count;
  if (request_.op == RelayOp::kBroadcast && layout_.rank != static_cast<int>(request_.root)) return;
  for (int rank = 0; rank < size(); ++rank) {
    if (rank == layout_.rank) continue;
    if (reduces_in_slices()) {
      send(rank, PartKind::kContribution, slice_begin(rank), slice_begin(rank + 1) - slice_begin(rank));
    } else {
      send(rank, PartKind::kContribution, 0, payload);
    }
  }
  if (request_.op == RelayOp::kAllGather) {  // after sending: to its place in rank order
    std::memmove(segment_->data + request_.bytes(payload) * layout_.rank, segment_->data, request_.bytes(payload));
  }
  if (contributions_missing_ == 0 && size() == 1) add_contributions();
}

void RelayGang::send(int rank, PartKind kind, uint64_t offset, uint64_t elements) {
  fabric_.send(layout_.mpi_ranks[rank], layout_.tag, make_part(kind, request_, offset, elements, segment_->data));
}

bool RelayGang::progress(SteadyTime now) {
  if (!busy()) return false;
  if (!failure_.empty() || fin_sent_) {
    finish(RelayResult::kAborted, failure_.empty() ? "the attempt has ended" : failure_);
    return true;
  }
  if (!problem_.empty()) {
    fail(RelayResult::kUnsupported, cat(describe(request_), ": ", problem_), now);
    return true;
  }
  bool waiting = false;
  for (int rank = 0; rank < size() && problem_.empty(); ++rank) {
    receive_from(rank);
    waiting = waiting || !peers_[rank].expected.empty();
  }
  for (int rank = 0; rank < size() && waiting; ++rank) look_for_leave(rank);
  if (!problem_.empty()) {
    fail(RelayResult::kAborted, problem_, now);
    return true;
  }
  const bool sent = fabric_.sends_done(layout_.tag);
  if (!waiting && sent) {
    finish(RelayResult::kOk, "");
    return true;
  }
  if (now < deadline_) return false;
  std::string missing;
  for (int rank = 0; rank < size(); ++rank) {
    if (!peers_[rank].expected.empty()) missing += cat(missing.empty() ? "" : ", ", rank);
  }
  fail(RelayResult::kTimedOut,
       cat(describe(request_), " passed its deadline; ",
           missing.empty() ? std::string("data could not be sent") : cat("nothing came from rank ", missing)),
       now);
  return true;
}

void RelayGang::receive_from(int rank) {
  Peer& peer = peers_[rank];
  while (!peer.expected.empty() && problem_.empty()) {
    auto message = next_message(rank);
    if (!message) {
      if (peer.left) problem_ = cat("rank ", rank, " has left the gang");
      if (fabric_.lost(layout_.mpi_ranks[rank])) problem_ = cat("rank ", rank, " cannot be reached");
      return;
    }
    const auto header = read_header(*message);
    if (!header) {
      problem_ = cat("rank ", rank, " sent a message that is too short");
      return;
    }
    take_part(rank, *header, *std::move(message));
  }
}

std::optional<Message> RelayGang::next_message(int rank) {
  Peer& peer = peers_[rank];
  if (peer.early) return std::exchange(peer.early, std::nullopt);
  return fabric_.receive(layout_.mpi_ranks[rank], layout_.tag);
}

// A peer of which nothing more is expected may still leave by abort, and then the others' parts will never come.
void RelayGang::look_for_leave(int rank) {
  Peer& peer = peers_[rank];
  if (rank == layout_.rank || !peer.expected.empty() || peer.early || peer.left || !problem_.empty()) return;
  auto message = next_message(rank);
  if (!message) return;
  const auto header = read_header(*message);
  if (!header || !says_leave(*header)) {
    peer.early = std::move(message);
    return;
  }
  peer.left = true;
  if (header->kind == PartKind::kAbort) problem_ = cat("rank ", rank, " has left the gang");
}

void RelayGang::take_part(int rank, const PartHeader& header, Message message) {
  Peer& peer = peers_[rank];
  if (header.magic != worker::kRelayMagic) {
    problem_ = cat("rank ", rank, " speaks another relay protocol; all workers of a world must be of one build");
  } else if (says_leave(header)) {
    peer.left = true;
    problem_ = cat("rank ", rank, " has left the gang");
  } else if (header.request != request_ || header.kind != peer.expected.back()) {
    problem_ = cat("the ranks disagree: rank ", rank, " is at ", describe(header.request), ", this rank at ",
                   describe(request_));
  } else if (message.size() != sizeof(PartHeader) + request_.bytes(header.elements)) {
    problem_ = cat("rank ", rank, " sent a truncated message");
  } else {
    peer.expected.pop_back();
    take_payload(rank, header, std::move(message));
  }
}

void RelayGang::take_payload(int rank, const PartHeader& header, Message message) {
  const std::byte* payload = payload_of(message);
  const auto place = [&](uint64_t element) {
    if (header.elements > 0)
      std::memcpy(segment_->data + request_.bytes(element), payload, request_.bytes(header.elements));
  };
  if (header.kind == PartKind::kSum) return place(header.offset);
  --contributions_missing_;
  switch (request_.op) {
    case RelayOp::kBarrier:
      return;
    case RelayOp::kBroadcast:
      return place(0);
    case RelayOp::kAllGather:
      return place(request_.count * static_cast<uint64_t>(rank));
    case RelayOp::kAllReduceSum:
      peers_[rank].contribution = std::move(message);
      if (contributions_missing_ == 0) add_contributions();
  }
}

void RelayGang::add_contributions() {
  if (request_.op != RelayOp::kAllReduceSum) return;
  const bool sliced = reduces_in_slices();
  const uint64_t begin = sliced ? slice_begin(layout_.rank) : 0;
  const uint64_t end = sliced ? slice_begin(layout_.rank + 1) : request_.count;
  std::byte* own = segment_->data + request_.bytes(begin);
  std::vector<const std::byte*> contributions;
  for (int rank = 0; rank < size(); ++rank) {
    contributions.push_back(rank == layout_.rank ? own : payload_of(peers_[rank].contribution));
  }
  sum_in_rank_order(request_.dtype, end - begin, contributions, own);
  for (Peer& peer : peers_) peer.contribution.clear();
  if (!sliced) return;
  for (int rank = 0; rank < size(); ++rank) {
    if (rank != layout_.rank) send(rank, PartKind::kSum, begin, end - begin);
  }
}

void RelayGang::finish(RelayResult result, const std::string& message) {
  segment_->result = result;
  const size_t length = std::min(message.size(), sizeof(segment_->message) - 1);
  std::memcpy(segment_->message, message.data(), length);
  segment_->message[length] = '\0';
  segment_ = nullptr;
}

void RelayGang::fail(RelayResult result, const std::string& message, SteadyTime now) {
  failure_ = message;
  leave(PartKind::kAbort, now);
  finish(result, message);
}

void RelayGang::abort(const std::string& reason, SteadyTime now) {
  if (failure_.empty()) failure_ = reason;
  leave(PartKind::kAbort, now);
}

void RelayGang::close(SteadyTime now) { leave(PartKind::kFin, now); }

void RelayGang::leave(PartKind how, SteadyTime now) {
  if (fin_sent_) return;
  fin_sent_ = true;
  drain_until_ = now + kDrain;
  for (int rank = 0; rank < size(); ++rank) {
    if (rank != layout_.rank) fabric_.send(layout_.mpi_ranks[rank], layout_.tag, make_leave(how));
  }
}

bool RelayGang::drain(SteadyTime now) {
  bool all_left = true;
  for (int rank = 0; rank < size(); ++rank) {
    if (rank == layout_.rank) continue;
    Peer& peer = peers_[rank];
    while (!peer.left) {
      const auto message = next_message(rank);
      if (!message) break;
      const auto header = read_header(*message);
      peer.left = header && says_leave(*header);
    }
    all_left = all_left && (peer.left || fabric_.lost(layout_.mpi_ranks[rank]));
  }
  return (all_left && fabric_.sends_done(layout_.tag)) || now >= drain_until_;
}

}  // namespace autonorm::agent
