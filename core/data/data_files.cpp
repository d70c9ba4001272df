#include "core/data/data_files.h"

namespace autonorm::data {
namespace {

constexpr const char* kRemedy =
    "Set AUTONORM_DATA to the folder that contains it (several folders are separated by ':'), or pass --data DIR to "
    "'trainer run'; "
    "./deploy/setup fetches digits.";

// "" when the folder has neither form.
std::filesystem::path file_in(const std::filesystem::path& folder, const std::string& name) {
  std::error_code ignored;  // an unreadable folder is the same as one without the file; the message lists it
  for (const char* suffix : {"", ".gz"}) {
    const auto path = folder / (name + suffix);
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return {};
}

}  // namespace

Result<FoundFiles> find_files(const std::string& data_set, const std::vector<std::string>& names,
                              const std::vector<std::filesystem::path>& candidates) {
  std::string tried;
  for (const auto& folder : candidates) {
    FoundFiles found;
    std::string missing;
    for (const auto& name : names) {
      const auto path = file_in(folder, name);
      if (path.empty())
        missing = missing.empty() ? name : missing;
      else
        found[name] = path;
    }
    if (missing.empty()) return found;
    if (!found.empty()) {
      return not_found("data set '", data_set, "' is incomplete: ", folder.string(), " has neither ", missing, " nor ",
                       missing, ".gz. ", kRemedy);
    }
    tried += cat("\n  ", folder.string());
  }
  return not_found("data set '", data_set, "' not found: no ", names.front(), " or ", names.front(),
                   ".gz in any of these folders:", tried.empty() ? "\n  (none given)" : tried, "\n", kRemedy);
}

}  // namespace autonorm::data
