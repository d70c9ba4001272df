#include "coordinator/server/shared_answers.h"

#include <utility>

namespace autonorm::server {

bool SharedAnswers::ask(const std::string& question, Compute compute, Answer answer) {
  const std::lock_guard lock(mutex_);
  if (const auto known = waiting_.find(question); known != waiting_.end()) {
    known->second.push_back(std::move(answer));
    return true;
  }
  if (!pool_.post([this, question, compute = std::move(compute)] { run(question, compute); })) return false;
  waiting_[question].push_back(std::move(answer));
  return true;
}

void SharedAnswers::run(const std::string& question, const Compute& compute) {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers = std::move(waiting_.extract(question).mapped());
  }
  const Result<std::string> result = compute();
  for (const Answer& answer : answers) answer(result);
}

}  // namespace autonorm::server
