#include "coordinator/export/event_file.h"

#include <algorithm>
#include <cmath>

#include "coordinator/export/crc32c.h"
#include "tensorboard/event.pb.h"

namespace autonorm::exporting {
namespace {

constexpr size_t kMostBuckets = 30;

template <class Integer>
std::string little_endian(Integer value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

// Length, its checksum, the record, its checksum.
void append_record(const tensorboard::Event& event, std::string& bytes) {
  const std::string record = event.SerializeAsString();
  const std::string length = little_endian(static_cast<uint64_t>(record.size()));
  bytes += length + little_endian(masked_crc32c(length)) + record + little_endian(masked_crc32c(record));
}

// Buckets of equal width from the smallest value to the largest; one when all are equal.
void fill(const std::vector<double>& values, tensorboard::HistogramProto& histogram) {
  const auto [low, high] = std::ranges::minmax(values);
  histogram.set_min(low);
  histogram.set_max(high);
  histogram.set_num(static_cast<double>(values.size()));
  const size_t buckets = high > low ? std::min(kMostBuckets, values.size()) : 1;
  std::vector<double> counts(buckets);
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
    const double place = high > low ? (value - low) / (high - low) * static_cast<double>(buckets) : 0;
    ++counts[std::min(static_cast<size_t>(place), buckets - 1)];
  }
  histogram.set_sum(sum);
  histogram.set_sum_squares(squares);
  for (size_t i = 0; i < buckets; ++i) {
    const double share = static_cast<double>(i + 1) / static_cast<double>(buckets);
    histogram.add_bucket_limit(i + 1 == buckets ? high : low + (high - low) * share);
    histogram.add_bucket(counts[i]);
  }
}

}  // namespace

EventFile::EventFile(double wall_time) {
  tensorboard::Event event;
  event.set_wall_time(wall_time);
  event.set_file_version("brain.Event:2");
  append_record(event, bytes_);
}

void EventFile::add(double wall_time, int64_t step, const Values& values) {
  tensorboard::Event event;
  event.set_wall_time(wall_time);
  event.set_step(step);
  for (const auto& [tag, number] : values.scalars) {
    auto& value = *event.mutable_summary()->add_value();
    value.set_tag(tag);
    value.set_simple_value(static_cast<float>(number));
  }
  for (const auto& [tag, numbers] : values.histograms) {
    auto& value = *event.mutable_summary()->add_value();
    value.set_tag(tag);
    fill(numbers, *value.mutable_histo());
  }
  append_record(event, bytes_);
}

}  // namespace autonorm::exporting
