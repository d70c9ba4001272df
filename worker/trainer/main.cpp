// trainer: reads command line and environment, prepares the process, and hands over to a verb.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/failpoint.h"
#include "core/base/text.h"
#include "worker/trainer/fold.h"
#include "worker/trainer/options.h"
#include "worker/trainer/probe.h"
#include "worker/trainer/process_setup.h"
#include "worker/trainer/run.h"
#include "worker/trainer/serve.h"
#include "worker/trainer/threads.h"

namespace {

using namespace autonorm;
using namespace autonorm::trainer;

int complain(const std::string& message) {
  std::fprintf(stderr, "trainer: %s\n", message.c_str());
  return kExitUsage;
}

// The folders of AUTONORM_DATA, then the checkout's.
data::DataRoots data_roots() {
  data::DataRoots roots;
  const char* variable = std::getenv("AUTONORM_DATA");
  std::string text = variable != nullptr ? variable : "";
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(':', begin), text.size());
    if (end > begin) roots.folders.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  roots.folders.emplace_back(AUTONORM_DEFAULT_DATA_DIR);
  return roots;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) return complain(options.status().message());
  if (const auto* text = std::get_if<ShowText>(&*options))
    return std::fputs(text->text.c_str(), stdout) < 0 ? kExitFailed : kExitOk;
  const auto* serving = std::get_if<ServeOptions>(&*options);
  if (serving != nullptr) {
    if (const Status status = die_with_parent(serving->parent); !status.ok()) return complain(status.message());
  }
  if (const Status status = ensure_environment(argv); !status.ok()) return complain(status.message());
  const char* failpoint = std::getenv("AUTONORM_FAILPOINT");
  if (const Status status = arm_failpoint(failpoint != nullptr ? failpoint : ""); !status.ok())
    return complain(status.message());
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write, which says so
  use_one_thread();
  const auto cuda_library = program_folder().parent_path() / "lib" / "libautonorm_cuda.so";
  if (serving != nullptr) return serve(*serving, data_roots(), cuda_library);
  if (const auto* running = std::get_if<RunOptions>(&*options)) return run(*running, data_roots(), cuda_library);
  if (const auto* folding = std::get_if<FoldOptions>(&*options)) return fold(*folding, data_roots());
  return probe(std::get<ProbeOptions>(*options));
}
