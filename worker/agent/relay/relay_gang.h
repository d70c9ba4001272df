// The collectives of one attempt's gang, seen from one rank: a state machine over a Fabric, without threads or clocks.
//
// Messages between two ranks are ordered, so each rank knows what the next message of a peer must be; one that does not
// fit means that the ranks disagree about what they are doing, and aborts the gang. all_reduce of more than
// kWholeBytes: rank j owns slice j, gets it from everybody, adds in rank order and sends the sum to everybody; a
// smaller one goes whole to everybody. Leaving (abort, deadline, end of the attempt): FIN to every peer, then drop what
// arrives until each peer's FIN has come or kDrain has passed, so that nothing of this attempt is left for a later one
// to receive.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "worker/agent/relay/fabric.h"
#include "worker/agent/relay/relay_message.h"
#include "worker/relay_protocol.h"

namespace autonorm::agent {

struct GangLayout {
  int rank = 0;
  std::vector<int> mpi_ranks;  // of the members, in gang order
  int tag = 0;                 // of this attempt alone
};

class RelayGang {
 public:
  static constexpr size_t kWholeBytes = 16 << 10;
  static constexpr std::chrono::milliseconds kDefaultDeadline{300'000};
  static constexpr std::chrono::milliseconds kDrain{10'000};

  // `fabric` must outlive the gang.
  RelayGang(GangLayout layout, Fabric& fabric);

  // Takes the request that lies in `segment`, which must stay until progress() has returned true. Requires !busy().
  void begin(worker::RelaySegment& segment, SteadyTime now);
  bool busy() const { return segment_ != nullptr; }
  // Moves the request on. True: it is complete, with result, message and data in the segment; the caller publishes it.
  bool progress(SteadyTime now);

  // The request in progress and every later one end as kAborted with this text.
  void abort(const std::string& reason, SteadyTime now);
  // No more requests. Sends FIN unless that has happened.
  void close(SteadyTime now);
  // After abort() or close(): drops what arrives. True: every peer has left, is lost, or had its time.
  bool drain(SteadyTime now);

 private:
  struct Peer {
    std::vector<PartKind> expected;  // parts still to come for this request, next one last
    Message contribution;            // kept until all are there to be added
    std::optional<Message> early;    // of its next request, read while looking for its FIN
    bool left = false;               // its FIN has come
  };

  int size() const { return static_cast<int>(layout_.mpi_ranks.size()); }
  uint64_t slice_begin(int rank) const {
    return request_.count * static_cast<uint64_t>(rank) / static_cast<uint64_t>(size());
  }
  bool reduces_in_slices() const;
  void expect_parts();
  void send_contributions();
  void send(int rank, PartKind kind, uint64_t offset, uint64_t elements);
  void receive_from(int rank);
  void look_for_leave(int rank);
  std::optional<Message> next_message(int rank);
  void take_part(int rank, const PartHeader& header, Message message);
  void take_payload(int rank, const PartHeader& header, Message message);
  void add_contributions();
  void finish(worker::RelayResult result, const std::string& message);
  void fail(worker::RelayResult result, const std::string& message, SteadyTime now);
  void leave(PartKind how, SteadyTime now);

  const GangLayout layout_;
  Fabric& fabric_;
  std::vector<Peer> peers_;  // by gang rank; this rank's own is unused
  worker::RelaySegment* segment_ = nullptr;
  RelayRequest request_;
  int contributions_missing_ = 0;
  SteadyTime deadline_{};
  std::string failure_;  // why requests are refused; empty while healthy
  std::string problem_;  // found while receiving; handled by progress()
  bool fin_sent_ = false;
  SteadyTime drain_until_{};
};

}  // namespace autonorm::agent
