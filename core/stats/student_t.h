// Student's t distribution of which a report asks hundreds of thousands of probabilities: computed in double
// throughout, as SciPy does, not in long double, which takes three times as long for digits that nobody sees. For the
// sources of this folder: a header of Boost's.
#pragma once
#include <boost/math/distributions/students_t.hpp>

namespace autonorm::stats {

using StudentT =
    boost::math::students_t_distribution<double,
                                         boost::math::policies::policy<boost::math::policies::promote_double<false>>>;

}  // namespace autonorm::stats
