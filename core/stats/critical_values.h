// Upper quantiles that a report asks for again and again: each thread remembers its latest ones.
#pragma once

namespace autonorm::stats {

// The value that a standard normal variable exceeds with this probability.
double upper_normal(double probability);
// The same of Student's t. df >= 1.
double upper_student_t(double probability, double df);

}  // namespace autonorm::stats
