// torch's thread pools.
#pragma once

namespace autonorm::trainer {

// One intra-op and one inter-op thread. Call once, from main, before torch computes anything.
void use_one_thread();

}  // namespace autonorm::trainer
