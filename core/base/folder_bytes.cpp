#include "core/base/folder_bytes.h"

#include <system_error>

namespace autonorm {

int64_t folder_bytes(const std::filesystem::path& folder) {
  int64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (!it->is_regular_file(gone)) continue;
    if (const auto size = it->file_size(gone); !gone) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

}  // namespace autonorm
