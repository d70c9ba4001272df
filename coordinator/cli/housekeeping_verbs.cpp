// backup, gc.
#include <filesystem>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/wording.h"

namespace autonorm::cli {
namespace {

std::string part_text(const server::Collected::Part& part, const std::string& noun, const std::string& what) {
  return cat(count_text(part.files, noun), ", ", bytes_text(part.bytes), "  ", what, "\n");
}

}  // namespace

int backup(const Backup& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const std::string file = std::filesystem::absolute(options.file).lexically_normal();
  const auto bytes = (*client)->back_up(file, environment.random_key());
  if (!bytes.ok()) return fail(environment, bytes.status());
  environment.out << "copied the database to " << file << ", " << bytes_text(*bytes) << std::endl;
  return kOk;
}

int collect_garbage(const CollectGarbage& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const auto found =
      (*client)->collect_garbage(options.yes, options.keep_checkpoints, options.models, environment.random_key());
  if (!found.ok()) return fail(environment, found.status());
  const int64_t bytes = found->artifacts.bytes + found->uploads.bytes + found->attempts.bytes;
  environment.out << part_text(found->artifacts, "file", "checkpoints and models that no trial needs")
                  << part_text(found->uploads, "file", "unfinished uploads")
                  << part_text(found->attempts, "folder", "attempts delivered more than a week ago, in work/")
                  << (options.yes ? "removed " : "could be removed: ") << bytes_text(bytes) << "; "
                  << part_text(found->kept, "artifact", options.yes ? "stay" : "would stay")
                  << "what came within the last hour stays while something may still be on its way\n"
                  << (options.yes || bytes == 0 ? "" : "nothing was changed; to remove them: coordinator gc --yes\n")
                  << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
