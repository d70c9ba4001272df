// The order in which numpy, and so scikit-learn's train_test_split, shuffles: published splits can be had again.
#pragma once
#include <cstdint>
#include <vector>

namespace autonorm::data {

// numpy.random.RandomState(seed).permutation(count): Fisher-Yates from the end, with Mersenne Twister words under the
// smallest mask that covers the index, drawn again where they are larger. 0 ≤ count < 2³².
std::vector<int64_t> numpy_permutation(uint32_t seed, int64_t count);

}  // namespace autonorm::data
