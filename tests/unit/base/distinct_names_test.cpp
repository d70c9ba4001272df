#include "core/base/distinct_names.h"

#include <gmock/gmock.h>

namespace autonorm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DistinctNames, KeepWhatDiffers) {
  EXPECT_THAT(distinct_names({}), IsEmpty());
  EXPECT_THAT(distinct_names(std::vector<std::string>{"b", "a"}), ElementsAre("b", "a"));
}

TEST(DistinctNames, NumberTheLaterOnes) {
  EXPECT_THAT(distinct_names(std::vector<std::string>{"a", "a", "b", "a"}), ElementsAre("a", "a-2", "b", "a-3"));
}

TEST(DistinctNames, NumbersAreNobodysName) {
  EXPECT_THAT(distinct_names(std::vector<std::string>{"a", "a", "a-2", "a-2"}),
              ElementsAre("a", "a-3", "a-2", "a-2-2"));
}

}  // namespace
}  // namespace autonorm
