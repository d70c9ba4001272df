// The arithmetic of all_reduce: ((x_0 + x_1) + x_2) + … per element, x_r from rank r. Because an element's sum depends
// on nothing but the ranks' values, it is the same bits however a tensor is cut into buckets, chunks and slices.
#pragma once
#include <cstddef>
#include <span>

#include "worker/relay_protocol.h"

namespace autonorm::agent {

// Adds `count` elements of each contribution, in the order given, into `out`, which may be one of them. bfloat16 is
// summed in float32 and rounded once, to nearest even; integers wrap. Pointers are aligned to their element.
void sum_in_rank_order(worker::RelayDtype dtype, size_t count, std::span<const std::byte* const> contributions,
                       std::byte* out);

}  // namespace autonorm::agent
