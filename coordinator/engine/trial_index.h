// Trial id → key, at about 8 bytes per trial: an open-addressing table of keys whose ids stay in the trials.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace autonorm::engine {

class TrialIndex {
 public:
  // `hash_of(key)`: of the id of a trial that was added; `is_it(key)`: whether it is the one that is looked for.
  template <class IsIt>
  int64_t find(uint64_t hash, IsIt&& is_it) const {  // 0 = none
    if (slots_.empty()) return 0;
    for (size_t i = hash & mask();; i = (i + 1) & mask()) {
      if (slots_[i] == 0 || is_it(slots_[i])) return slots_[i];
    }
  }
  // A key that is not in it yet.
  template <class HashOf>
  void add(int64_t key, HashOf&& hash_of) {
    if (2 * (count_ + 1) > slots_.size()) grow(hash_of);
    place(static_cast<uint32_t>(key), hash_of(key));
    ++count_;
  }

 private:
  size_t mask() const { return slots_.size() - 1; }
  void place(uint32_t key, uint64_t hash) {
    size_t i = hash & mask();
    while (slots_[i] != 0) i = (i + 1) & mask();
    slots_[i] = key;
  }
  template <class HashOf>
  void grow(HashOf&& hash_of) {
    std::vector<uint32_t> old(slots_.empty() ? 64 : 2 * slots_.size());
    old.swap(slots_);
    for (const uint32_t key : old) {
      if (key != 0) place(key, hash_of(key));
    }
  }

  std::vector<uint32_t> slots_;  // keys; 0 = empty; a power of two, at most half full
  size_t count_ = 0;
};

}  // namespace autonorm::engine
