#include "worker/trainer/failure.h"

#include <c10/util/Exception.h>

#include <new>

#include "core/distributed/gang.h"

namespace autonorm::trainer {
namespace {

// torch has no exception type for the host's memory, only these texts.
bool tells_of_host_memory(std::string_view text) {
  return text.find("DefaultCPUAllocator") != std::string_view::npos ||
         text.find("not enough memory") != std::string_view::npos;
}

}  // namespace

Failure bad_config(const Status& status) { return {"bad_config", status.message()}; }

Failure bad_data(const Status& status) {
  return {status.code() == Code::kInvalid ? "data_corrupt" : "data_missing", status.message()};
}

Failure crashed(const Status& status) { return {"trainer_crashed", status.message()}; }

Failure failed_run(const Status& status) {
  switch (status.code()) {
    case Code::kInvalid:
      return {"bad_config", status.message()};
    case Code::kNotFound:
      return {"data_missing", status.message()};
    default:
      return {"trainer_crashed", status.message()};
  }
}

Failure thrown(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const distributed::CollectiveAborted& aborted) {
    return {"collective_aborted", aborted.what()};
  } catch (const c10::DistError& lost) {
    return {"collective_aborted", lost.what_without_backtrace()};
  } catch (const c10::OutOfMemoryError& memory) {
    return {"device_oom", memory.what_without_backtrace()};
  } catch (const c10::Error& torch) {
    return {tells_of_host_memory(torch.what_without_backtrace()) ? "host_oom" : "trainer_crashed",
            torch.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return {
        "host_oom",
        "the machine has no memory left for this trial; use a smaller batch or model, or fewer workers on this host"};
  } catch (const std::exception& other) {
    return {"trainer_crashed", other.what()};
  }
}

}  // namespace autonorm::trainer
