#include "core/base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>

namespace autonorm {
namespace {

TEST(Status, IsOkByDefault) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().code(), Code::kOk);
  EXPECT_TRUE(Status().with_context("reading").ok());
  EXPECT_EQ(Status().with_context("reading").message(), "");
}

TEST(Status, ContextGoesInFront) {
  const Status status = not_found("no trial ", 7).with_context("explain");
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.message(), "explain: no trial 7");
}

TEST(Status, MakersSetTheirCode) {
  EXPECT_EQ(invalid("x").code(), Code::kInvalid);
  EXPECT_EQ(not_found("x").code(), Code::kNotFound);
  EXPECT_EQ(conflict("x").code(), Code::kConflict);
  EXPECT_EQ(unavailable("x").code(), Code::kUnavailable);
  EXPECT_EQ(exhausted("x").code(), Code::kExhausted);
  EXPECT_EQ(internal("x").code(), Code::kInternal);
}

TEST(Status, CodesHaveDifferentNames) {
  std::set<std::string_view> names;
  for (const Code code : {Code::kOk, Code::kInvalid, Code::kNotFound, Code::kConflict, Code::kUnavailable,
                          Code::kExhausted, Code::kInternal}) {
    names.insert(name(code));
  }
  EXPECT_EQ(names.size(), 7u);
}

TEST(SystemError, SaysWhatAndWhy) {
  EXPECT_EQ(system_error("writing x.db", ENOSPC).message(), "writing x.db: No space left on device");
}

TEST(SystemError, ChoosesTheCodeByErrorNumber) {
  EXPECT_EQ(system_error("x", ENOSPC).code(), Code::kExhausted);
  EXPECT_EQ(system_error("x", EDQUOT).code(), Code::kExhausted);
  EXPECT_EQ(system_error("x", ENOENT).code(), Code::kNotFound);
  EXPECT_EQ(system_error("x", EROFS).code(), Code::kInvalid);
  EXPECT_EQ(system_error("x", EIO).code(), Code::kInternal);
}

TEST(Result, HoldsAValueOrAReason) {
  const Result<int> value = 3;
  EXPECT_TRUE(value.ok());
  EXPECT_EQ(*value, 3);
  const Result<int> failure = invalid("no number");
  EXPECT_FALSE(failure.ok());
  EXPECT_EQ(failure.status().message(), "no number");
}

TEST(Result, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, TheValueOfAFailureAborts) {
  EXPECT_DEATH((void)Result<int>(invalid("broken file")).value(), "broken file");
}

TEST(ResultDeathTest, SuccessWithoutAValueAborts) { EXPECT_DEATH((void)Result<int>(Status()), "needs a value"); }

TEST(ReturnIfError, PassesTheFailureOn) {
  int reached = 0;
  const auto steps = [&](Status first) -> Status {
    AUTONORM_RETURN_IF_ERROR(first);
    ++reached;
    return {};
  };
  EXPECT_EQ(steps(conflict("late")).message(), "late");
  EXPECT_EQ(reached, 0);
  EXPECT_TRUE(steps({}).ok());
  EXPECT_EQ(reached, 1);
}

}  // namespace
}  // namespace autonorm
