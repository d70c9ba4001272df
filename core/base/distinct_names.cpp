#include "core/base/distinct_names.h"

#include <set>

#include "core/base/text.h"

namespace autonorm {

std::vector<std::string> distinct_names(std::span<const std::string> names) {
  const std::set<std::string> given(names.begin(), names.end());
  std::set<std::string> used;
  std::vector<std::string> distinct;
  for (const std::string& name : names) {
    std::string own = name;
    for (int number = 2; !used.insert(own).second; ++number) {
      std::string numbered = cat(name, '-', number);
      if (!given.contains(numbered)) own = std::move(numbered);
    }
    distinct.push_back(std::move(own));
  }
  return distinct;
}

}  // namespace autonorm
