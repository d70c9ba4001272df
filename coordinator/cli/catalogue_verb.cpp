#include "coordinator/cli/catalogue_listing.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verbs.h"

namespace autonorm::cli {

int catalogue(const Catalogue& options, Environment& environment) {
  const auto listing = list_catalogue(options.what);
  if (!listing.ok()) return fail(environment, listing.status());
  environment.out << (options.output == Output::kJson ? catalogue_json(*listing) : catalogue_text(*listing))
                  << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
