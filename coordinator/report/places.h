// Where something holds, for a footnote. A report of very many cells names the first places only: csv and json have
// every one.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"

namespace autonorm::report {

class Places {
 public:
  template <class Describe>
  void add(Describe describe) {
    if (++count_ <= kMost) named_.push_back(describe());
  }
  bool empty() const { return count_ == 0; }
  std::string text(std::string_view separator = "; ") const {
    return join(named_, separator) + (count_ > kMost ? cat(separator, "and ", count_ - kMost, " more") : "");
  }

 private:
  static constexpr size_t kMost = 50;
  std::vector<std::string> named_;
  size_t count_ = 0;
};

}  // namespace autonorm::report
