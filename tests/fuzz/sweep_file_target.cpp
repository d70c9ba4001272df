// A sweep file of any bytes, with the presets of the checkout at hand: expanded, or refused with a text that says
// where.
#include <string>

#include "core/base/durable_file.h"
#include "core/config/sweep.h"
#include "tests/fuzz/fuzz_target.h"

namespace autonorm {
namespace {

const std::map<std::string, std::string>& presets() {
  static const auto* const files = [] {
    auto* found = new std::map<std::string, std::string>;
    for (const char* name : {"presets/autonorm.toml", "presets/norms.toml"})
      (*found)[name] = read_file(std::filesystem::path(AUTONORM_SOURCE_DIR) / "sweeps" / name).value();
    return found;
  }();
  return *files;
}

}  // namespace
}  // namespace autonorm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autonorm;
  config::SweepSource source{"study.toml", presets()};
  source.files["study.toml"] = std::string(fuzz::text_of(data, size));
  const auto sweep = config::expand_sweep(source);
  if (!sweep.ok()) {
    fuzz::require(sweep.status().code() == Code::kInvalid, "a wrong sweep file is the writer's mistake");
    fuzz::require(sweep.status().message().find("study.toml") != std::string::npos, "an error names the file");
    return 0;
  }
  fuzz::require(!sweep->cells.empty() && !sweep->trials.empty(), "a sweep has cells");
  for (const config::Cell& cell : sweep->cells) fuzz::require(cell.trial < sweep->trials.size(), "a cell has a trial");
  const auto again = config::expand_sweep(source);
  fuzz::require(again.ok() && again->content == sweep->content && again->trials.size() == sweep->trials.size(),
                "the same file is the same sweep");
  return 0;
}
