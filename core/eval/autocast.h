// bf16 autocast for a scope. bf16 has float32's range, so no loss scaling is needed.
#pragma once
#include <c10/core/DeviceType.h>

namespace autonorm::eval {

// Enables autocast to bfloat16 for one device type on this thread while it lives; does nothing when !enabled. The cache
// of cast weights is dropped at the end: weights change between steps.
class Autocast {
 public:
  Autocast(c10::DeviceType device, bool enabled);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  const c10::DeviceType device_;
  const bool enabled_;
};

}  // namespace autonorm::eval
