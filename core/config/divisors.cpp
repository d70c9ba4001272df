#include "core/config/divisors.h"

#include <vector>

#include "core/base/text.h"

namespace autonorm::config {

std::string divisors_text(int64_t n) {
  std::vector<std::string> all;
  for (int64_t d = 1; d <= n; ++d) {
    if (n % d == 0) all.push_back(cat(d));
  }
  return join(all);
}

}  // namespace autonorm::config
