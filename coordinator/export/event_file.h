// The bytes of a TensorBoard event file: events as TFRecords, https://www.tensorflow.org/tutorials/load_data/tfrecord.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace autonorm::exporting {

class EventFile {
 public:
  // `wall_time`: seconds of the Unix epoch.
  explicit EventFile(double wall_time);

  struct Values {
    std::map<std::string, double> scalars;                  // tag → value; stored as float32
    std::map<std::string, std::vector<double>> histograms;  // tag → finite values, at least one
  };
  void add(double wall_time, int64_t step, const Values& values);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace autonorm::exporting
