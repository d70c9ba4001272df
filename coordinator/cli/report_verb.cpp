#include <filesystem>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/server/report_desk.h"

namespace autonorm::cli {
namespace {

Result<std::string> read_directly(const std::filesystem::path& database, const Report& options,
                                  const report::ReportOptions& how) {
  if (!std::filesystem::exists(database)) {
    return not_found(database.string(),
                     " does not exist; name a state directory with --state DIR or a database with --db FILE");
  }
  server::ReportDesk desk(database);
  return options.compare.empty() ? desk.render(options.sweep, how) : desk.compare(options.sweep, options.compare, how);
}

// From the server; without one, from the default state directory when there is one.
Result<std::string> ask(const Report& options, const report::ReportOptions& how, const std::string& coordinator,
                        Environment& environment) {
  auto client = ControlClient::connect(coordinator);
  if (client.ok()) return (*client)->report(options.sweep, how, options.compare);
  const std::filesystem::path state = environment.defaults.state;
  if (!std::filesystem::exists(state / "autonorm.db")) {
    return unavailable(client.status().message(),
                       "\nor read a state directory without a server: coordinator report --state DIR ",
                       "(the default, ", state.string(), ", has no autonorm.db)");
  }
  environment.err << "no coordinator answers at " << coordinator << "; reading " << (state / "autonorm.db").string()
                  << std::endl;
  return read_directly(state, options, how);
}

}  // namespace

int report(const Report& options, const std::string& coordinator, Environment& environment) {
  report::ReportOptions how = options.how;
  how.colour = environment.colour && how.format == report::Format::kText;
  const auto text = options.db      ? read_directly(*options.db, options, how)
                    : options.state ? read_directly(*options.state, options, how)
                                    : ask(options, how, coordinator, environment);
  if (!text.ok()) return fail(environment, text.status());
  environment.out << *text << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
