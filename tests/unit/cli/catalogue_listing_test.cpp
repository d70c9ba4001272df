#include "coordinator/cli/catalogue_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/unit/cli/golden_file.h"

namespace autonorm::cli {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> paths(const std::string& what) {
  std::vector<std::string> found;
  const CatalogueListing listing = list_catalogue(what).value();
  for (const auto& key : listing.keys) found.emplace_back(key.path);
  return found;
}

TEST(CatalogueListing, HasEveryKindKeyAndMetric) {
  const auto all = json::parse(catalogue_json(list_catalogue("").value()));
  std::set<std::string> kinds;
  for (const auto& kind : all.at("kinds")) kinds.insert(kind.at("name"));
  for (const auto& group : {config::norms(), config::gates(), config::models(), config::optimizers(),
                            config::schedules(), config::losses(), config::devices()}) {
    for (const auto& kind : group) EXPECT_TRUE(kinds.contains(std::string(kind.name))) << kind.name;
  }
  for (const auto& set : config::data_sets()) EXPECT_TRUE(kinds.contains(std::string(set.kind.name))) << set.kind.name;
  EXPECT_EQ(all.at("keys").size(), config::keys().size());
  EXPECT_EQ(all.at("metrics").size(), config::metrics().size());
}

TEST(CatalogueListing, AKeyInJsonHasItsRangeDefaultAndMark) {
  const auto lr = json::parse(catalogue_json(list_catalogue("train.lr").value())).at("keys").at(0);
  EXPECT_EQ(lr.at("key"), "train.lr");
  EXPECT_EQ(lr.at("default"), 0.001);
  EXPECT_EQ(lr.at("min"), 0);
  EXPECT_EQ(lr.at("max"), 100);
  EXPECT_EQ(lr.at("mark"), "identity");
  const auto every = json::parse(catalogue_json(list_catalogue("train.log_every").value())).at("keys").at(0);
  EXPECT_EQ(every.at("mark"), "execution");
}

TEST(CatalogueListing, AKindBringsTheKeysThatBelongToIt) {
  EXPECT_THAT(paths("rms"), ElementsAre("norm.eps", "norm.affine"));
  EXPECT_THAT(paths("dyt"), ElementsAre("norm.affine", "norm.alpha0", "norm.bias"));
  EXPECT_THAT(paths("gumbel"),
              ElementsAre("norm.tau", "norm.hard", "norm.anneal", "norm.gate_input", "norm.granularity",
                          "norm.entropy_weight", "norm.freeze_epoch", "norm.freeze_entropy"));
  EXPECT_THAT(paths("distill"), ElementsAre("train.distill.from", "train.distill.temperature", "train.distill.alpha",
                                            "train.distill.hard"));
  EXPECT_THAT(paths("schedules"), ElementsAre("train.schedule", "train.horizon", "train.min_lr"));
  EXPECT_THAT(paths("run"), ::testing::Contains("run.priority"));
  EXPECT_THAT(list_catalogue("rms").value().keys.front().fallback, "1e-06") << "that of rms, not of layer";
}

TEST(CatalogueListing, AnUnknownNameGetsTheNearestAndTheGroups) {
  const auto wrong = list_catalogue("layr");
  EXPECT_EQ(wrong.status().code(), Code::kNotFound);
  EXPECT_THAT(wrong.status().message(), HasSubstr("the catalogue has no 'layr'; did you mean 'layer'?"));
  EXPECT_THAT(wrong.status().message(), HasSubstr("norms, gates, models, data, optimizers"));
  EXPECT_THAT(list_catalogue("train.").status().message(), HasSubstr("did you mean 'train'?"));
  EXPECT_THAT(list_catalogue("xyzzy-plugh").status().message(), ::testing::Not(HasSubstr("did you mean")));
}

TEST(CatalogueListing, ReadsAsWritten) {
  for (const std::string what : {"", "selector", "models", "data"}) {
    expect_golden(catalogue_text(list_catalogue(what).value()),
                  AUTONORM_SOURCE_DIR "/tests/golden/cli/catalogue" + (what.empty() ? "" : "-" + what) + ".txt");
  }
}

}  // namespace
}  // namespace autonorm::cli
