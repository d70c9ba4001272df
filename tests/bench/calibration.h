// What this machine can do at all, measured in the same run: the product's numbers mean something only beside these.
#pragma once
#include <chrono>
#include <filesystem>

namespace autonorm::bench {

struct Calibration {
  double fsyncs = 0;      // 4 KiB write + fdatasync per second, in the benchmark's folder
  double rpcs = 0;        // empty unary gRPC calls per second, one after the other, over loopback
  double spawns = 0;      // posix_spawn + wait of /bin/true per second
  double load = 0;        // load average of the last minute, before the run
  double load_after = 0;  // and after it
};

Calibration calibrate(const std::filesystem::path& folder, std::chrono::milliseconds each);
double load_average();

}  // namespace autonorm::bench
