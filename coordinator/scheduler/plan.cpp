#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

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
  explicit Planner(const Request& request) : request_(request), free_(request.slots) {}

  Plan run() {
    for (const Want& want : request_.wants) {
      std::vector<size_t> slots = slots_for(want);
      if (!slots.empty()) {
        for (const size_t i : slots) free_.take(i);
        plan_.placements.push_back({want.trial, std::move(slots)});
        continue;
      }
      if (want.ranks > 1 && plan_.blocked == 0 && some_pool_holds(want)) plan_.blocked = want.trial;
      if (want.trial == request_.reserve_for) withhold(want);
    }
    return std::move(plan_);
  }

 private:
  std::vector<size_t> slots_for(const Want& want) const {
    if (!free_.holds(want)) return {};
    if (want.ranks == 1 && want.avoid.empty() && want.never_hosts.empty()) return {*free_.best(want.device)};
    std::vector<size_t> slots = choose(want, true);
    if (slots.empty() && !want.avoid.empty()) slots = choose(want, false);
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

  bool some_pool_holds(const Want& want) const {
    const Pools all = pools(want, [](size_t) { return true; });
    return std::ranges::any_of(
        all, [&](const auto& pool) { return std::cmp_greater_equal(pool.second.size(), want.ranks); });
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
    const Pools all = pools(want, [](size_t) { return true; });
    const std::vector<size_t>* best = nullptr;
    std::string_view best_world;
    int64_t best_free = -1;
    for (const auto& [pool, members] : all) {
      if (std::cmp_less(members.size(), want.ranks)) continue;
      int64_t free = std::ranges::count_if(members, [&](size_t i) { return free_[i]; });
      if (pool.world == request_.reserved_world) free = std::numeric_limits<int64_t>::max();
      if (free > best_free) best = &members, best_world = pool.world, best_free = free;
    }
    if (!best) return;
    Reservation reservation{.trial = want.trial, .world = std::string(best_world), .withheld = {}};
    for (const size_t i : *best) {
      if (!free_[i] || std::cmp_greater_equal(reservation.withheld.size(), want.ranks)) continue;
      reservation.withheld.push_back(i);
      free_.take(i);
    }
    plan_.reservation = std::move(reservation);
  }

  const Request& request_;
  FreeSlots free_;
  Plan plan_;
};

}  // namespace

Plan plan(const Request& request) { return Planner(request).run(); }

}  // namespace autonorm::scheduler
