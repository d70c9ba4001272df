// Where the running trial is: written by the training thread, read by the thread that ticks.
#pragma once
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>

namespace autonorm::trainer {

struct ProgressValues {
  int64_t step = 0, total_steps = 0;
  std::string phase = "loading";
  double loss = std::numeric_limits<double>::quiet_NaN();  // of the latest logged step
  double samples_per_s = 0;
};

// Thread-safe.
class Progress {
 public:
  void reset() { set(ProgressValues{}); }
  void set_phase(const std::string& phase) {
    const std::lock_guard lock(mutex_);
    values_.phase = phase;
  }
  void set_step(int64_t step, int64_t total_steps, double loss, double samples_per_s) {
    const std::lock_guard lock(mutex_);
    values_ = {step, total_steps, values_.phase, loss, samples_per_s};
  }
  ProgressValues values() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  void set(ProgressValues values) {
    const std::lock_guard lock(mutex_);
    values_ = std::move(values);
  }

  mutable std::mutex mutex_;
  ProgressValues values_;
};

}  // namespace autonorm::trainer
