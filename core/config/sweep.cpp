#include "core/config/sweep.h"

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/rerun.h"
#include "core/config/sweep_document.h"
#include "core/config/sweep_expand.h"
#include "core/config/sweep_files.h"

namespace autonorm::config {
namespace {

// Of everything that was read, the root's own name apart: the same content is the same sweep.
Sha256 content_hash(const std::vector<ParsedFile>& files) {
  std::string all;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string file_name = i == 0 ? "" : files[i].name;
    all += cat(file_name.size(), ":", file_name, files[i].text.size(), ":", files[i].text);
  }
  return sha256(all);
}

}  // namespace

TrialConfig PlannedTrial::config() const {
  TrialConfig config = *common;
  config.seed = seed;
  config.inputs = {inputs.begin(), inputs.end()};
  return config;
}

Result<Sweep> expand_sweep(const SweepSource& source) {
  Diagnostics diagnostics;
  const FileProvider provider = [&](const std::string& name) -> Result<std::string> {
    const auto found = source.files.find(name);
    if (found == source.files.end()) return not_found("the file ", name, " was not sent along");
    return found->second;
  };
  const auto files = read_sweep_files(source.root, provider, diagnostics);
  SweepDocument document;
  for (size_t i = 0; i < files.size(); ++i) read_document(files[i].root, i == 0, document, diagnostics);
  if (files.empty()) return invalid(diagnostics.error_text());
  Sweep sweep = expand_document(document, diagnostics);
  if (!diagnostics.ok()) return invalid(diagnostics.error_text());
  sweep.content = content_hash(files);
  sweep.warnings = diagnostics.warning_texts();
  AUTONORM_RETURN_IF_ERROR(apply_rerun(source, sweep));
  return sweep;
}

}  // namespace autonorm::config
