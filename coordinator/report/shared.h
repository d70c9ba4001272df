// A value that many rows have, kept once and never changed in place: rows that were copied keep theirs. Owned by all
// who have it together; each thread may read it through a Shared of its own. Converts from and to the value without a
// word, so that rows are filled and compared as if they held it: `row.device = "cpu"`.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>

namespace autonorm::report {

template <class T>
class Shared {
 public:
  Shared() : value_(none()) {}
  Shared(T value) : value_(std::make_shared<const T>(std::move(value))) {}
  template <size_t kSize>
  Shared(const char (&text)[kSize]) : Shared(T(text)) {}

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  operator const T&() const { return *value_; }

  friend bool operator==(const Shared& a, const Shared& b) { return a.value_ == b.value_ || *a == *b; }
  friend bool operator==(const Shared& a, const T& b) { return *a == b; }

 private:
  static const std::shared_ptr<const T>& none() {
    static const auto empty = std::make_shared<const T>();
    return empty;
  }

  std::shared_ptr<const T> value_;  // never null
};

}  // namespace autonorm::report
