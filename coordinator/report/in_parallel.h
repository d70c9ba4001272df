// Independent parts of a large report on all cores. The result does not depend on how many there are.
#pragma once
#include <algorithm>
#include <cstddef>
#include <future>
#include <thread>
#include <vector>

namespace autonorm::report {

// make(0), make(1), … in this order; called from several threads at a time. The first exception of one is thrown on.
// Threads inherit the caller's priority.
template <class Part, class Make>
std::vector<Part> in_parallel(size_t count, Make make) {
  constexpr size_t kWorthAThread = 64, kMostThreads = 8;
  std::vector<Part> parts(count);
  const size_t cores = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  const size_t threads = std::clamp<size_t>(count / kWorthAThread, 1, cores);
  const auto work = [&](size_t thread) {
    const size_t end = count * (thread + 1) / threads;
    for (size_t i = count * thread / threads; i < end; ++i) parts[i] = make(i);
  };
  std::vector<std::future<void>> others;  // waits for them also when this thread's part throws
  for (size_t thread = 1; thread < threads; ++thread) others.push_back(std::async(std::launch::async, work, thread));
  work(0);
  for (std::future<void>& other : others) other.get();
  return parts;
}

}  // namespace autonorm::report
