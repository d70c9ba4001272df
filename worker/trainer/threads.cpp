#include "worker/trainer/threads.h"

#include <ATen/Parallel.h>

namespace autonorm::trainer {

void use_one_thread() {
  at::set_num_threads(1);
  at::set_num_interop_threads(1);
}

}  // namespace autonorm::trainer
