#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "coordinator/scheduler/capacity.h"
#include "coordinator/scheduler/eligible.h"
#include "coordinator/scheduler/free_slots.h"
#include "coordinator/scheduler/scheduler.h"

namespace autonorm::scheduler {
namespace {

// Slots of one pool by host, the host to use first in front: the tightest one that holds the whole gang, else the
// largest.
std::vector<std::vector<size_t>> hosts_in_order(const std::vector<Slot>& slots, const std::vector<size_t>& pool,
                                                size_t ranks) {
  std::map<std::string_view, std::vector<size_t>> by_host;
  for (const size_t i : pool) by_host[slots[i].host].push_back(i);
  std::vector<std::vector<size_t>> hosts;
  for (auto& [host, members] : by_host) hosts.push_back(std::move(members));
  std::ranges::stable_sort(hosts, [ranks](const auto& a, const auto& b) {
    const bool a_holds = a.size() >= ranks, b_holds = b.size() >= ranks;
    if (a_holds != b_holds) return a_holds;
    return a_holds ? a.size() < b.size() : a.size() > b.size();
  });
  return hosts;
}

struct Choice {
  std::vector<size_t> slots;
  size_t hosts = std::numeric_limits<size_t>::max();
};

Choice choose_in_pool(const std::vector<Slot>& slots, const std::vector<size_t>& pool, size_t ranks) {
  Choice choice{.slots = {}, .hosts = 0};
  for (auto& host : hosts_in_order(slots, pool, ranks)) {
    if (choice.slots.size() == ranks) break;
    std::ranges::sort(host, {}, [&](size_t i) { return slots[i].mpi_rank; });
    const size_t take = std::min(ranks - choice.slots.size(), host.size());
    choice.slots.insert(choice.slots.end(), host.begin(), host.begin() + static_cast<ptrdiff_t>(take));
    ++choice.hosts;
  }
  std::ranges::sort(choice.slots, {}, [&](size_t i) { return slots[i].mpi_rank; });
  return choice;
}

class Planner {
 public:
  explicit Planner(const Request& request)
      : request_(request),
        own_(request.capacity ? std::nullopt : std::optional<Capacity>(request.slots)),
        capacity_(request.capacity ? *request.capacity : *own_),
        free_(request.slots) {}

  Plan run() {
    // Slots on workers that a trial avoids go to those behind it first.
    std::vector<const Want*> put_off;
    for (const Want& want : request_.wants) {
      if (place(want, slots_for(want))) continue;
      if (!want.avoid.empty() && want.trial != request_.reserve_for && !choose(want, false).empty()) {
        put_off.push_back(&want);
        continue;
      }
      note_unplaced(want);
    }
    for (const Want* want : put_off) {
      if (!place(*want, choose(*want, false))) note_unplaced(*want);
    }
    return std::move(plan_);
  }

 private:
  bool place(const Want& want, std::vector<size_t> slots) {
    if (slots.empty()) return false;
    for (const size_t i : slots) free_.take(i);
    plan_.placements.push_back({want.trial, std::move(slots)});
    return true;
  }

  void note_unplaced(const Want& want) {
    if (want.ranks > 1 && plan_.blocked == 0 && capacity_.smallest(want)) plan_.blocked = want.trial;
    if (want.trial == request_.reserve_for) withhold(want);
  }

  // Without avoided workers, but for the trial that has waited longest for any.
  std::vector<size_t> slots_for(const Want& want) const {
    if (!free_.holds(want)) return {};
    if (want.ranks == 1 && want.avoid.empty() && want.never_hosts.empty()) return {*free_.best(want.device)};
    std::vector<size_t> slots = choose(want, true);
    if (slots.empty() && want.trial == request_.reserve_for) slots = choose(want, false);
    return slots;
  }

  Pools pools(const Want& want, auto&& usable) const {
    Pools result;
    for (size_t i = 0; i < request_.slots.size(); ++i) {
      const Slot& slot = request_.slots[i];
      if (suits(want, slot) && usable(i)) result[{slot.device, slot.world}].push_back(i);
    }
    return result;
  }

  std::vector<size_t> choose(const Want& want, bool respect_avoid) const {
    const auto usable = [&](size_t i) {
      return free_[i] && !(respect_avoid && contains(want.avoid, request_.slots[i].worker));
    };
    Choice best;
    size_t best_size = 0;
    std::string_view best_device;
    for (const auto& [pool, members] : pools(want, usable)) {
      if (std::cmp_less(members.size(), want.ranks)) continue;
      if (!best.slots.empty() && best_device != pool.device) break;  // the better device kind has room
      Choice choice = choose_in_pool(request_.slots, members, static_cast<size_t>(want.ranks));
      // Fewest hosts, then the tightest pool: large worlds stay whole for large gangs.
      const size_t size = members.size();
      if (std::tie(choice.hosts, size) < std::tie(best.hosts, best_size)) {
        best = std::move(choice), best_size = size, best_device = pool.device;
      }
    }
    return std::move(best.slots);
  }

  // Keeps free slots of the world where the trial is nearest to fitting from all later wants.
  void withhold(const Want& want) {
    const Pools free = pools(want, [this](size_t i) { return free_[i]; });
    const std::optional<Pool> chosen = reserved_pool(want, free);
    if (!chosen) return;
    Reservation reservation{.trial = want.trial, .world = std::string(chosen->world), .withheld = {}};
    if (const auto slots = free.find(*chosen); slots != free.end()) {
      for (const size_t i : slots->second) {
        if (std::cmp_greater_equal(reservation.withheld.size(), want.ranks)) break;
        reservation.withheld.push_back(i);
        free_.take(i);
      }
    }
    plan_.reservation = std::move(reservation);
  }

  // Where it reserved before, else the world with the most free slots; with none anywhere the smallest that could hold
  // it.
  std::optional<Pool> reserved_pool(const Want& want, const Pools& free) const {
    for (const std::string_view device : {"cuda", "cpu"}) {
      if (!request_.reserved_world.empty() && capacity_.holds(want, device, request_.reserved_world))
        return Pool{device, request_.reserved_world};
    }
    std::optional<Pool> best;
    size_t most = 0;
    for (const auto& [pool, members] : free) {
      if (members.size() <= most || !capacity_.holds(want, pool.device, pool.world)) continue;
      best = pool, most = members.size();
    }
    if (best) return best;
    const auto smallest = capacity_.smallest(want);
    return smallest ? std::optional<Pool>({smallest->device, smallest->world}) : std::nullopt;
  }

  const Request& request_;
  const std::optional<Capacity> own_;
  const Capacity& capacity_;
  FreeSlots free_;
  Plan plan_;
};

}  // namespace

Plan plan(const Request& request) { return Planner(request).run(); }

}  // namespace autonorm::scheduler
