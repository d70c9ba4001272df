// Which trials start where: a pure function of a snapshot of the slots and of the heads of the queue.
//
// A slot is one worker. A gang takes `ranks` slots of one MPI world, all of one device kind, on as few hosts as
// possible, all or nothing. The trial that the engine names in `reserve_for` withholds slots of one world until it
// fits, so that one-slot trials behind it in the queue cannot starve it. Cost: O(log free slots) for a
// trial of one slot that may run anywhere and for a gang that does not fit, O(free slots) for gangs that do and trials
// that avoid workers or hosts; the engine passes no more wants than could start now.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace autonorm::scheduler {

enum class SlotUse { kFree, kBusy, kQuarantined, kDrained };

// The views must outlive the call.
struct Slot {
  std::string_view worker, world, host;
  std::string_view device = "cpu";  // "cpu" | "cuda"
  int mpi_rank = 0;
  SlotUse use = SlotUse::kFree;
  std::string_view quarantine = {};  // why
  int64_t kept_for = 0;              // a free slot that this trial withholds; 0 = none
  std::string kept_name = {};        // of that trial, for people
};
struct Want {
  int64_t trial = 0;
  int64_t ranks = 1;
  std::string_view device = "auto";                // "auto" (cuda before cpu) | "cpu" | "cuda"
  std::vector<std::string_view> avoid = {};        // workers to use only when there is no other
  std::vector<std::string_view> never_hosts = {};  // hosts without its data
};
struct Reservation {
  int64_t trial = 0;
  std::string world;
  std::vector<size_t> withheld;  // free slots kept for it
};
class Capacity;
struct Request {
  std::vector<Slot> slots = {};        // the free ones, at least
  std::vector<Want> wants = {};        // the most urgent first
  int64_t reserve_for = 0;             // a trial of `wants` that has waited long enough at the head; 0 = none
  std::string reserved_world = {};     // where it reserved before: it stays there while the world can hold it
  const Capacity* capacity = nullptr;  // of all that are connected; absent: `slots` are all
};
struct Placement {
  int64_t trial = 0;
  std::vector<size_t> slots;  // in rank order; by MPI rank
};
struct Plan {
  std::vector<Placement> placements;
  std::optional<Reservation> reservation;  // of reserve_for, when it was not placed and some world could hold it
  int64_t blocked = 0;                     // the first gang that did not fit but could once slots are free; 0 = none
};
Plan plan(const Request& request);

// Whether it could start at once, were nothing else to be minded.
bool has_room(const Want& want, const std::vector<Slot>& slots);
// Why a queued trial does not start, with what would help. `ahead`: trials before it in the queue.
std::string why_waiting(const Want& want, const std::vector<Slot>& slots, int64_t ahead,
                        std::string_view worker_command);

}  // namespace autonorm::scheduler
