#include "worker/trainer/fold.h"

#include <cstdio>

#include "core/base/text.h"
#include "core/train/fold_checkpoint.h"
#include "worker/trainer/failure.h"

namespace autonorm::trainer {
namespace {

int complain(const std::string& message, ExitCode code) {
  std::fprintf(stderr, "trainer fold: %s\n", message.c_str());
  return code;
}

int print(const train::FoldReport& report) {
  for (const models::FoldedSite& site : report.sites) {
    std::printf("%s -> %s\n", site.site.c_str(), join(site.linears).c_str());
  }
  for (const models::KeptSite& site : report.kept) {
    std::printf("%s stays: %s\n", site.site.c_str(), site.why.c_str());
  }
  std::printf("largest difference of an output over %lld test images: %.2g\n", static_cast<long long>(report.images),
              report.largest_difference);
  std::printf("inference: %.0f images/s before, %.0f after (x %.2f)\n", report.before, report.after,
              report.after / report.before);
  std::printf("folded checkpoint: %s\n", report.checkpoint.c_str());
  return kExitOk;
}

int fold_unguarded(const FoldOptions& options, const data::DataRoots& roots) {
  const auto checkpoint = checkpoint::load(options.checkpoint);
  if (!checkpoint.ok()) return complain(checkpoint.status().message(), kExitUsage);
  const auto config = config::parse_trial(checkpoint->config);
  if (!config.ok()) return complain(options.checkpoint.string() + ": " + config.status().message(), kExitUsage);
  data::DataRoots folders{options.data};
  folders.folders.insert(folders.folders.end(), roots.folders.begin(), roots.folders.end());
  const auto dataset = data::load_dataset(config->data, folders);
  if (!dataset.ok()) {
    return complain(dataset.status().message(),
                    dataset.status().code() == Code::kNotFound ? kExitDataMissing : kExitDataCorrupt);
  }
  const auto report = train::fold_checkpoint(*checkpoint, *dataset, options.out);
  return report.ok() ? print(*report) : complain(report.status().message(), kExitFailed);
}

}  // namespace

int fold(const FoldOptions& options, const data::DataRoots& roots) {
  try {
    return fold_unguarded(options, roots);
  } catch (...) {
    return complain(thrown(std::current_exception()).message, kExitFailed);
  }
}

}  // namespace autonorm::trainer
