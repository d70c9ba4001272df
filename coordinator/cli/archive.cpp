#include "coordinator/cli/archive.h"

#include <utility>

#include "coordinator/cli/control_client.h"

namespace autonorm::cli {
namespace {

class DatabaseArchive final : public Archive {
 public:
  explicit DatabaseArchive(const std::filesystem::path& database) : desk_(database) {}
  Result<std::string> report(const std::string& sweep, const report::ReportOptions& how,
                             const std::vector<std::string>& compared) override {
    return compared.empty() ? desk_.render(sweep, how) : desk_.compare(sweep, compared, how);
  }
  Result<server::SweepRead> read_sweep(const std::string& sweep) override { return desk_.read_sweep(sweep); }
  Result<std::vector<report::TrialHistory>> histories(const std::vector<TrialId>& trials) override {
    return desk_.histories(trials);
  }

 private:
  server::ReportDesk desk_;
};

class ServerArchive final : public Archive {
 public:
  explicit ServerArchive(std::unique_ptr<ControlClient> client) : client_(std::move(client)) {}
  Result<std::string> report(const std::string& sweep, const report::ReportOptions& how,
                             const std::vector<std::string>& compared) override {
    return client_->report(sweep, how, compared);
  }
  Result<server::SweepRead> read_sweep(const std::string& sweep) override { return client_->read_sweep(sweep); }
  Result<std::vector<report::TrialHistory>> histories(const std::vector<TrialId>& trials) override {
    return client_->histories(trials);
  }

 private:
  const std::unique_ptr<ControlClient> client_;
};

}  // namespace

Result<std::unique_ptr<Archive>> open_database(const std::filesystem::path& database) {
  if (!std::filesystem::exists(database)) {
    return not_found(database.string(),
                     " does not exist; name a state directory with --state DIR or a database with --db FILE");
  }
  return std::unique_ptr<Archive>(std::make_unique<DatabaseArchive>(database));
}

Result<std::unique_ptr<Archive>> open_archive(const ArchivePlace& place, const std::string& coordinator,
                                              Environment& environment) {
  if (place.db) return open_database(*place.db);
  if (place.state) return open_database(*place.state);
  auto client = ControlClient::connect(coordinator);
  if (client.ok()) return std::unique_ptr<Archive>(std::make_unique<ServerArchive>(*std::move(client)));
  if (client.status().code() != Code::kUnavailable) return client.status();
  const std::filesystem::path state = environment.defaults.state;
  if (!std::filesystem::exists(state / "autonorm.db")) {
    return unavailable(client.status().message(),
                       "\nor read a state directory without a server: coordinator report --state DIR ",
                       "(the default, ", state.string(), ", has no autonorm.db)");
  }
  environment.err << "no coordinator answers at " << coordinator << "; reading " << (state / "autonorm.db").string()
                  << std::endl;
  return open_database(state);
}

}  // namespace autonorm::cli
