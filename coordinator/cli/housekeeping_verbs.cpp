// backup.
#include <filesystem>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/cli/wording.h"

namespace autonorm::cli {

int backup(const Backup& options, const std::string& coordinator, Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (!client.ok()) return fail(environment, client.status());
  const std::string file = std::filesystem::absolute(options.file).lexically_normal();
  const auto bytes = (*client)->back_up(file);
  if (!bytes.ok()) return fail(environment, bytes.status());
  environment.out << "copied the database to " << file << ", " << bytes_text(*bytes) << std::endl;
  return kOk;
}

}  // namespace autonorm::cli
