// One computation for all who ask the same question before it begins: it sees whatever was committed when any of them
// asked, so that nobody gets an older answer than from a computation of their own.
#pragma once
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/server/request_pool.h"
#include "core/base/status.h"

namespace autonorm::server {

// Thread-safe. Must outlive all answers that it owes; it may end as soon as the last one was given.
class SharedAnswers {
 public:
  using Compute = std::function<Result<std::string>()>;
  using Answer = std::function<void(const Result<std::string>&)>;

  explicit SharedAnswers(RequestPool& pool) : pool_(pool) {}

  // `answer` is called on a thread of the pool, once. `question`: equal ones have equal answers. False: the pool is
  // full, nothing will be answered and the caller must say so.
  [[nodiscard]] bool ask(const std::string& question, Compute compute, Answer answer);

 private:
  void run(const std::string& question, const Compute& compute);

  RequestPool& pool_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Answer>> waiting_;  // for computations that have not begun; guarded
};

}  // namespace autonorm::server
