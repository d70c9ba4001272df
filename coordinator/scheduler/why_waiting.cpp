#include <algorithm>
#include <iterator>
#include <utility>

#include "coordinator/scheduler/eligible.h"
#include "coordinator/scheduler/scheduler.h"
#include "core/base/text.h"

namespace autonorm::scheduler {
namespace {

std::string start_command(const Want& want, std::string_view worker_command) {
  return cat("mpirun -np ", want.ranks, " ", worker_command);
}

std::string one_or_many(int64_t count, std::string_view one, std::string_view many) {
  return cat(count, " ", count == 1 ? one : many);
}

std::string devices_of(const std::vector<Slot>& slots) {
  std::map<std::string_view, int64_t> counts;
  for (const Slot& slot : slots) ++counts[slot.device];
  std::vector<std::string> words;
  for (const auto& [device, count] : counts) words.push_back(cat(device, " (", count, ")"));
  return join(words);
}

std::string ahead_clause(int64_t ahead) {
  if (ahead == 0) return "; it is the next in the queue";
  return cat("; ", one_or_many(ahead, "trial is", "trials are"), " ahead of it in the queue");
}

struct Supply {
  int64_t largest = 0, largest_free = 0, suitable = 0, free = 0, kept = 0;
  std::string_view largest_host, kept_name;
};

bool kept_from(const Want& want, const Slot& slot) {
  return slot.use == SlotUse::kFree && slot.kept_for != 0 && slot.kept_for != want.trial;
}

std::string kept_clause(const Supply& have) {
  if (have.kept == 0) return "";
  return cat(", ", have.kept, have.kept == 1 ? " is" : " are", " kept for trial ", have.kept_name,
             ", which needs several and has waited longer");
}

Supply supply(const Want& want, const std::vector<Slot>& slots) {
  Supply supply;
  Pools pools;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (suits(want, slots[i])) pools[{slots[i].device, slots[i].world}].push_back(i);
  }
  for (const auto& [pool, members] : pools) {
    const auto size = static_cast<int64_t>(members.size());
    const int64_t free = std::ranges::count_if(
        members, [&](size_t i) { return slots[i].use == SlotUse::kFree && !kept_from(want, slots[i]); });
    for (const size_t i : members) {
      if (kept_from(want, slots[i])) ++supply.kept, supply.kept_name = slots[i].kept_name;
    }
    supply.suitable += size;
    supply.free += free;
    supply.largest_free = std::max(supply.largest_free, free);
    if (size > supply.largest) supply.largest = size, supply.largest_host = slots[members.front()].host;
  }
  return supply;
}

// What would bring the out-of-use ones among these slots back; empty when there are none.
std::string bring_back(const std::vector<const Slot*>& slots) {
  const auto with = [&](SlotUse use) {
    std::vector<const Slot*> found;
    std::ranges::copy_if(slots, std::back_inserter(found), [use](const Slot* slot) { return slot->use == use; });
    return found;
  };
  const auto quarantined = with(SlotUse::kQuarantined), drained = with(SlotUse::kDrained);
  std::vector<std::string> parts;
  if (!quarantined.empty()) {
    parts.push_back(cat("worker ", quarantined[0]->worker, " quarantined: ", quarantined[0]->quarantine));
    if (quarantined.size() > 1)
      parts.push_back(cat(quarantined.size() - 1, " more quarantined, see: coordinator workers"));
  }
  if (!drained.empty()) {
    parts.push_back(cat(one_or_many(std::ssize(drained), "worker is", "workers are"),
                        drained.size() == 1 ? " drained; use it again with: coordinator undrain "
                                            : " drained; use them again with: coordinator undrain ",
                        drained[0]->worker));
  }
  return join(parts, "; ");
}

// Every slot of the right device is quarantined or drained; empty when one is not.
std::string why_out_of_use(const Want& want, const std::vector<Slot>& slots) {
  std::vector<const Slot*> fitting;
  for (const Slot& slot : slots) {
    if (!device_fits(want, slot)) continue;
    if (!out_of_use(slot)) return "";
    fitting.push_back(&slot);
  }
  return bring_back(fitting);
}

// Workers whose return would make a world large enough; empty when there is no such world.
std::string why_too_small(const Want& want, const std::vector<Slot>& slots) {
  std::map<Pool, std::vector<const Slot*>> pools;
  for (const Slot& slot : slots) {
    if (fits(want, slot)) pools[{slot.device, slot.world}].push_back(&slot);
  }
  for (const auto& [pool, members] : pools) {
    if (std::cmp_greater_equal(members.size(), want.ranks)) return bring_back(members);
  }
  return "";
}

// No slot suits at all: the first reason that rules every one out.
std::string why_none_suits(const Want& want, const std::vector<Slot>& slots, std::string_view worker_command) {
  if (slots.empty()) return cat("no worker is connected; start one with: ", start_command(want, worker_command));
  if (std::ranges::none_of(slots, [&](const Slot& s) { return device_fits(want, s); })) {
    return cat("needs a ", want.device, " device; the connected workers have ", devices_of(slots),
               "; start one on a machine that has it with: ", start_command(want, worker_command));
  }
  if (const std::string text = why_out_of_use(want, slots); !text.empty()) return text;
  std::vector<std::string> hosts(want.never_hosts.begin(), want.never_hosts.end());
  return cat("its data is missing on ", join(hosts),
             "; put it there, or start a worker elsewhere with: ", start_command(want, worker_command));
}

}  // namespace

bool has_room(const Want& want, const std::vector<Slot>& slots) {
  return supply(want, slots).largest_free >= want.ranks;
}

std::string why_waiting(const Want& want, const std::vector<Slot>& slots, int64_t ahead,
                        std::string_view worker_command) {
  const Supply have = supply(want, slots);
  if (have.suitable == 0) return why_none_suits(want, slots, worker_command);
  if (have.largest < want.ranks) {
    const std::string back = why_too_small(want, slots);
    return cat("needs ", one_or_many(want.ranks, "slot", "slots"), " in one MPI world; the largest has ", have.largest,
               " (host ", have.largest_host, "); ",
               back.empty() ? cat("start more with: ", start_command(want, worker_command)) : back);
  }
  if (have.largest_free < want.ranks) {
    if (want.ranks == 1) {
      const int64_t busy = have.suitable - have.kept;
      return cat("waits for a free slot: ", busy, " of ", have.suitable, busy == 1 ? " is" : " are", " busy",
                 kept_clause(have), ahead_clause(ahead));
    }
    return cat("waits for ", want.ranks, " free slots in one MPI world: ", have.free, " of ", have.suitable,
               have.free == 1 ? " is" : " are", " free, at most ", have.largest_free, " in one world",
               kept_clause(have), ahead_clause(ahead));
  }
  return cat("is about to start", ahead_clause(ahead));
}

}  // namespace autonorm::scheduler
