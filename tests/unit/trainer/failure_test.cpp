#include "worker/trainer/failure.h"

#include <c10/util/Exception.h>

#include <new>

#include "core/distributed/gang.h"
#include "core/messages/trial_state.h"
#include "gtest/gtest.h"

namespace autonorm::trainer {
namespace {

template <class Error>
std::string reason_of(const Error& error) {
  const Failure failure = thrown(std::make_exception_ptr(error));
  EXPECT_TRUE(parse_end_reason(failure.reason).has_value()) << failure.reason;
  return failure.reason;
}

template <class Error>
Error torch_error(const std::string& message) {
  return Error(c10::SourceLocation{__func__, __FILE__, 0}, message);
}

TEST(Failure, OfStatuses) {
  EXPECT_EQ(bad_data(not_found("x")).reason, "data_missing");
  EXPECT_EQ(bad_data(invalid("x")).reason, "data_corrupt");
  EXPECT_EQ(bad_config(invalid("x")).reason, "bad_config");
  EXPECT_EQ(failed_run(invalid("x")).reason, "bad_config");
  EXPECT_EQ(failed_run(not_found("x")).reason, "data_missing");
  EXPECT_EQ(failed_run(exhausted("disk full")).reason, "trainer_crashed");
  EXPECT_EQ(failed_run(exhausted("disk full")).message, "disk full");
}

TEST(Failure, OfExceptions) {
  EXPECT_EQ(reason_of(distributed::CollectiveAborted("gone")), "collective_aborted");
  EXPECT_EQ(reason_of(torch_error<c10::DistBackendError>("gone")), "collective_aborted");
  EXPECT_EQ(reason_of(torch_error<c10::OutOfMemoryError>("CUDA out of memory")), "device_oom");
  EXPECT_EQ(reason_of(torch_error<c10::Error>("DefaultCPUAllocator: can't allocate memory")), "host_oom");
  EXPECT_EQ(reason_of(std::bad_alloc()), "host_oom");
  EXPECT_EQ(reason_of(torch_error<c10::Error>("shapes differ")), "trainer_crashed");
  EXPECT_EQ(reason_of(std::runtime_error("anything")), "trainer_crashed");
  EXPECT_EQ(thrown(std::make_exception_ptr(std::runtime_error("anything"))).message, "anything");
}

}  // namespace
}  // namespace autonorm::trainer
