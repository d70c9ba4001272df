#include "core/base/ids.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

#include "core/base/text.h"

namespace autonorm {
namespace {

static_assert(!std::is_convertible_v<TrialId, WorkerId>);
static_assert(!std::is_convertible_v<std::string, TrialId>);
static_assert(!std::is_convertible_v<Attempt, Seq>);
static_assert(!std::is_convertible_v<int, Attempt>);

TEST(Ids, CompareByValue) {
  EXPECT_EQ(Attempt(2), Attempt(2));
  EXPECT_LT(Attempt(1), Attempt(2));
  EXPECT_EQ(Attempt().value(), 0);
  EXPECT_LT(TrialId("a"), TrialId("b"));
}

TEST(Ids, PrintTheirValue) { EXPECT_EQ(cat("sweep ", SweepId(12), " trial ", TrialId("ab")), "sweep 12 trial ab"); }

TEST(Ids, HashLikeTheirValue) {
  const std::unordered_set<TrialId> trials = {TrialId("a"), TrialId("b"), TrialId("a")};
  EXPECT_EQ(trials.size(), 2u);
  EXPECT_TRUE(trials.contains(TrialId("b")));
}

TEST(Ids, ShortFormIsTheFirstTwelveDigits) {
  EXPECT_EQ(short_form(TrialId("0123456789abcdef")), "0123456789ab");
  EXPECT_EQ(short_form(TrialId("01")), "01");
}

}  // namespace
}  // namespace autonorm
