// What a sweep file can choose from (core/config/catalogue.h), as `catalogue` prints it. Pure; needs no server.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/config/catalogue.h"

namespace autonorm::cli {

// Kinds that one key chooses among.
struct KindGroup {
  std::string_view name;     // "norms"
  std::string_view chooser;  // "norm.kind"
  std::vector<config::Kind> kinds;
};
struct CatalogueListing {
  std::vector<KindGroup> groups;
  std::vector<config::Key> keys;
  std::vector<config::Metric> metrics;
};

// `what`: empty for everything; a group ("norms"), a kind ("dyt"), a table or a key of the sweep file ("train",
// "train.lr"). kNotFound with the nearest name.
Result<CatalogueListing> list_catalogue(const std::string& what);

// Every text ends in a newline.
std::string catalogue_text(const CatalogueListing& listing);
// {kinds: [{group, chosen_by, name, numerics, help, …}], keys: [{key, type, default, allowed, …}], metrics: […]}
std::string catalogue_json(const CatalogueListing& listing);

}  // namespace autonorm::cli
