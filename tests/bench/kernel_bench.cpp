// Fused norms beside the machine's copy bandwidth and beside their composed forms, in one run.
//
// kernel_bench [MEGABYTES | --tiny]: size of the out-of-cache tensor, default 160; --tiny: small ones, few repetitions,
// to see that it works. Out of cache all cores work, since bandwidth is theirs together; in cache one does. Bytes are
// those that a kernel must move (normalization.md 9.1): forward x and y, backward x, dy and dx. Each number is the best
// of several repetitions, taken in turns so that a disturbance of the machine hits all alike.
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>
#include <thread>

#include "tests/unit/kernels/fused_cases.h"

namespace {

using autonorm::kernels::FusedCase;
using autonorm::kernels::Tensors;
using Work = std::function<void()>;

double seconds(const Work& work, int64_t times) {
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < times; ++i) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / static_cast<double>(times);
}

// Best time of each, in turns.
int rounds = 11;

std::vector<double> best_of(const std::vector<Work>& all, int64_t bytes) {
  const int64_t inner = std::max<int64_t>(1, (int64_t{4} << 20) / bytes);
  std::vector<double> best(all.size(), 1e9);
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < all.size(); ++i) best[i] = std::min(best[i], seconds(all[i], inner));
  }
  return best;
}

// Copies past the caches where the machine can; memcpy may or may not.
void streaming_copy(char* to, const char* from, int64_t bytes) {
#if defined(__x86_64__)
  for (int64_t i = 0; i + 16 <= bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
  _mm_sfence();
#else
  std::memcpy(to, from, static_cast<size_t>(bytes));
#endif
}

// The better of the two copies, on all threads.
std::vector<Work> copies(const at::Tensor& to, const at::Tensor& from) {
  auto* target = static_cast<char*>(to.data_ptr());
  const auto* source = static_cast<const char*>(from.data_ptr());
  const auto bytes = static_cast<int64_t>(from.nbytes()), grain = int64_t{1} << 16;
  return {[=] {
            at::parallel_for(0, bytes / 64, grain / 64, [=](int64_t a, int64_t b) {
              streaming_copy(target + a * 64, source + a * 64, (b - a) * 64);
            });
          },
          [=] {
            at::parallel_for(0, bytes / 64, grain / 64, [=](int64_t a, int64_t b) {
              std::memcpy(target + a * 64, source + a * 64, static_cast<size_t>((b - a) * 64));
            });
          }};
}

Tensors companions(const FusedCase& one, int64_t batch, int64_t channels) {
  Tensors p;
  for (const auto& shape : one.shapes(batch, channels)) p.push_back(at::full(shape, 0.5).requires_grad_(true));
  return p;
}

// A forward pass and its graph are made once; the backward pass runs again and again over it.
Work backward_of(const at::Tensor& y, const at::Tensor& dy, const Tensors& leaves) {
  return [=] {
    for (const at::Tensor& leaf : leaves) leaf.mutable_grad().reset();
    y.backward(dy, /*retain_graph=*/true);
  };
}

double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : -1;
}

struct Size {
  int64_t batch, tokens, channels;
  int64_t elements() const { return batch * tokens * channels; }
};

// Hands out memory that was handed back before, of the same size, as the allocator of a training process does after its
// first step: else each large result would be a measurement of page faults, and none of the kernel.
class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    auto& kept = free_[bytes];
    if (kept.empty()) kept.push_back(new Block{std::aligned_alloc(64, (bytes + 64) / 64 * 64), bytes, this});
    Block* block = kept.back();
    kept.pop_back();
    return {block->memory, block, &give_back, c10::DeviceType::CPU};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }

 private:
  struct Block {
    void* memory;
    size_t bytes;
    KeepingAllocator* home;
  };
  static void give_back(void* context) {
    auto* block = static_cast<Block*>(context);
    block->home->free_[block->bytes].push_back(block);
  }
  std::map<size_t, std::vector<Block*>> free_;
};

void measure(const FusedCase& one, const Size& size, int threads) {
  at::set_num_threads(threads);
  const at::Tensor x = at::randn({size.batch, size.tokens, size.channels});
  const at::Tensor dy = at::randn(x.sizes()), out = at::empty(x.sizes());
  const Tensors p = companions(one, size.batch, size.channels);
  const auto forward = [&](const auto& function) {
    return [&] {
      const at::NoGradGuard no_grad;
      function(x, p);
    };
  };
  std::vector<Work> work = copies(out, x);
  work.push_back(forward(one.fused));
  work.push_back(forward(one.composed));
  const at::Tensor leaf = x.detach().clone().requires_grad_(true);
  Tensors leaves = p;
  leaves.push_back(leaf);
  work.push_back(backward_of(one.fused(leaf, p), dy, leaves));
  work.push_back(backward_of(one.composed(leaf, p), dy, leaves));
  const int64_t bytes = size.elements() * 4;
  const std::vector<double> t = best_of(work, bytes);
  const double copy = 2.0 * static_cast<double>(bytes) / std::min(t[0], t[1]) * 1e-9;
  const auto gigabytes = [&](int parts, double time) { return parts * static_cast<double>(bytes) / time * 1e-9; };
  std::printf("%-12s %9.2f MB %5ld  %7.1f | %7.1f %5.0f%% %6.2fx | %7.1f %5.0f%% %6.2fx\n", one.name.c_str(),
              static_cast<double>(bytes) * 1e-6, size.channels, copy, gigabytes(2, t[2]),
              100 * gigabytes(2, t[2]) / copy, t[3] / t[2], gigabytes(3, t[4]), 100 * gigabytes(3, t[4]) / copy,
              t[5] / t[4]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  int64_t megabytes = 160;
  const bool tiny = argc == 2 && std::string_view(argv[1]) == "--tiny";
  if (tiny) rounds = 2;
  const std::string_view text = argc > 1 && !tiny ? argv[1] : tiny ? "1" : "160";
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), megabytes);
  if (argc > 2 || problem != std::errc() || end != text.data() + text.size() || megabytes < 1 || megabytes > 4096) {
    std::fprintf(
        stderr, "usage: kernel_bench [MEGABYTES | --tiny]   size of the out-of-cache tensor, 1 to 4096, default 160\n");
    return 2;
  }
  c10::SetCPUAllocator(new KeepingAllocator, /*priority=*/255);  // for the life of the process
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::printf("%s, float32, %d core(s) out of cache and 1 in cache; load average %.1f\n",
              at::get_cpu_capability().c_str(), cores, load_average());
  std::printf("GB/s, %% of copy bandwidth, times faster than composed\n");
  std::printf("%-12s %12s %5s  %7s | %7s %6s %7s | %7s %6s %7s\n", "norm", "tensor", "C", "copy", "forward", "copy",
              "compos.", "backw.", "copy", "compos.");
  for (const FusedCase& one : autonorm::kernels::fused_cases()) {
    if (one.name.find('_') != std::string::npos) continue;  // variants
    measure(one, {.batch = megabytes * 1000000 / 4 / (197 * 768) + 1, .tokens = 197, .channels = 768}, cores);
    for (const int64_t c : {1, 3, 64, 65, 127, 192, 768, 1023, 4096}) {
      for (const int64_t elements : {4096, 65536, 327680}) {  // 16 kB, 256 kB, 1.3 MB
        measure(one, {.batch = 4, .tokens = std::max<int64_t>(1, elements / 4 / c), .channels = c}, 1);
      }
    }
  }
  return 0;
}
