#include "core/norms/registry.h"

#include <gtest/gtest.h>

#include "core/config/catalogue.h"
#include "core/models/registry.h"

namespace autonorm::norms {
namespace {

TEST(NormRegistry, HasExactlyTheKindsOfTheCatalogue) {
  const auto kinds = config::norms();
  ASSERT_EQ(registry().size(), kinds.size());
  for (size_t i = 0; i < kinds.size(); ++i) {
    EXPECT_EQ(registry()[i].name, kinds[i].name);
    EXPECT_EQ(static_cast<size_t>(registry()[i].kind), i);
    EXPECT_EQ(norm_kind_name(registry()[i].kind), kinds[i].name);
  }
}

TEST(ModelRegistry, HasExactlyTheFamiliesOfTheCatalogue) {
  const auto families = config::models();
  ASSERT_EQ(models::registry().size(), families.size());
  for (size_t i = 0; i < families.size(); ++i) {
    EXPECT_EQ(models::registry()[i].name, families[i].name);
    EXPECT_EQ(static_cast<size_t>(models::registry()[i].family), i);
  }
}

}  // namespace
}  // namespace autonorm::norms
