#include "worker/trainer/probe.h"

#include <cstdio>

#include "core/train/probe.h"
#include "worker/trainer/failure.h"

namespace autonorm::trainer {
namespace {

int complain(const std::string& message) {
  std::fprintf(stderr, "trainer probe: %s\n", message.c_str());
  return kExitUsage;
}

int probe_unguarded(const ProbeOptions& options) {
  if (!options.names) {
    const Status status = train::run_probe(options.spec, options.in, options.out);
    return status.ok() ? kExitOk : complain(status.message());
  }
  const auto names = train::probe_names(options.spec);
  if (!names.ok()) return complain(names.status().message());
  std::fputs(names->c_str(), stdout);
  return kExitOk;
}

}  // namespace

int probe(const ProbeOptions& options) {
  try {
    return probe_unguarded(options);
  } catch (...) {  // torch's complaint about shapes or dtypes that the probe could not foresee
    return complain(thrown(std::current_exception()).message);
  }
}

}  // namespace autonorm::trainer
