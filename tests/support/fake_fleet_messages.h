// What a fake worker says, as wire messages.
#pragma once
#include <cstdint>

#include "autonorm/v1/fleet.pb.h"

namespace autonorm::testing {

// Rank `rank` of `ranks` of the MPI world of worker number `worker`, on a host of its own.
v1::WorkerMessage hello_of(int worker, int rank, int ranks);
v1::WorkerMessage heartbeat();
v1::WorkerMessage joined(const v1::AttemptKey& key);  // seq 1
// `points` points of five metrics; their steps rise with `seq` (from 2 on).
v1::WorkerMessage metrics(const v1::AttemptKey& key, int64_t seq, int points);
// A test accuracy that differs from trial to trial, so that a report has something to compare, and the batch order of
// the seed.
v1::WorkerMessage finished(const v1::AttemptKey& key, int64_t seq, uint64_t seed);
// Adds what a transformer of 12 blocks records besides: 11 metrics, 8 facts, 80 hashes of initial values.
void fill_results(const v1::AttemptKey& key, uint64_t seed, v1::Finished& result);
v1::WorkerMessage slot_free(const v1::AttemptKey& key);

}  // namespace autonorm::testing
