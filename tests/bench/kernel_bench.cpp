// Fused norms beside the machine's copy bandwidth and beside their composed forms, in one run.
//
// kernel_bench [MEGABYTES | --tiny] [NORM]: size of the out-of-cache tensor, default 160; --tiny: small ones, few
// repetitions, to see that it works; only this norm. Out of cache all cores work, since bandwidth is theirs together;
// in cache one does. Bytes are those that a kernel must move (normalization.md 9.1): forward x and y, backward x, dy
// and dx. Copying reads one tensor and writes one, as a forward pass does; adding reads two and writes one, as a
// backward pass does: what a machine's memory gives is not the same for both. Each number is the best of several
// repetitions, taken in turns so that a disturbance of the machine hits all alike.
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
#include <optional>
#include <span>
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

// Adds past the caches, with and without asking for its data ahead.
void streaming_add(float* to, const float* a, const float* b, int64_t count, int64_t ahead) {
#if defined(__x86_64__)
  for (int64_t i = 0; i + 16 <= count; i += 16) {
    if (ahead > 0) {
      __builtin_prefetch(a + i + ahead, 0, 2);
      __builtin_prefetch(b + i + ahead, 0, 2);
    }
    for (int64_t k = i; k < i + 16; k += 4) _mm_stream_ps(to + k, _mm_add_ps(_mm_loadu_ps(a + k), _mm_loadu_ps(b + k)));
  }
  _mm_sfence();
#else
  for (int64_t i = 0; i < count; ++i) to[i] = a[i] + b[i];
#endif
}

// On all threads; sizes are multiples of 16 elements up to a rest that does not matter.
std::vector<Work> additions(const at::Tensor& to, const at::Tensor& a, const at::Tensor& b) {
  auto* target = to.mutable_data_ptr<float>();
  const auto *left = a.const_data_ptr<float>(), *right = b.const_data_ptr<float>();
  const auto add = [=, lines = a.numel() / 16](int64_t ahead) {
    at::parallel_for(0, lines, 1024, [=](int64_t first, int64_t last) {
      streaming_add(target + first * 16, left + first * 16, right + first * 16, (last - first) * 16, ahead);
    });
  };
  constexpr int64_t kAhead = 1536;  // elements: the 6 kB of the kernels
  return {[=] { add(0); }, [=] { add(kAhead); }};
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
  for (Work& addition : additions(out, x, dy)) work.push_back(std::move(addition));
  work.push_back(forward(one.fused));
  work.push_back(forward(one.composed));
  const at::Tensor leaf = x.detach().clone().requires_grad_(true);
  Tensors leaves = p;
  leaves.push_back(leaf);
  work.push_back(backward_of(one.fused(leaf, p), dy, leaves));
  work.push_back(backward_of(one.composed(leaf, p), dy, leaves));
  const int64_t bytes = size.elements() * 4;
  const std::vector<double> t = best_of(work, bytes);
  const auto gigabytes = [&](int parts, double time) { return parts * static_cast<double>(bytes) / time * 1e-9; };
  const double copy = gigabytes(2, std::min(t[0], t[1])), add = gigabytes(3, std::min(t[2], t[3]));
  const double forward_rate = gigabytes(2, t[4]), backward_rate = gigabytes(3, t[6]);
  std::printf("%-12s %9.2f MB %5ld  %7.1f %7.1f | %7.1f %5.0f%% %6.2fx | %7.1f %5.0f%% %5.0f%% %6.2fx\n",
              one.name.c_str(), static_cast<double>(bytes) * 1e-6, size.channels, copy, add, forward_rate,
              100 * forward_rate / copy, t[5] / t[4], backward_rate, 100 * backward_rate / copy,
              100 * backward_rate / add, t[7] / t[6]);
  std::fflush(stdout);
}

struct Options {
  int64_t megabytes = 160;
  bool tiny = false;
  std::string_view norm;  // empty = all
};

// → nothing when the words are not understood
std::optional<Options> options_of(std::span<char* const> words) {
  Options options;
  for (const std::string_view word : words) {
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), options.megabytes);
    const bool number = problem == std::errc() && end == word.data() + word.size();
    const bool known =
        std::ranges::any_of(autonorm::kernels::fused_cases(), [&](const FusedCase& one) { return one.name == word; });
    if (word == "--tiny") {
      options.tiny = true;
      options.megabytes = 1;
    } else if (known) {
      options.norm = word;
    } else if (!number || options.megabytes < 1 || options.megabytes > 4096) {
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = options_of({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr,
                 "usage: kernel_bench [MEGABYTES | --tiny] [NORM]   size of the out-of-cache tensor, 1 to 4096, "
                 "default 160; one norm instead of all:");
    for (const FusedCase& one : autonorm::kernels::fused_cases()) std::fprintf(stderr, " %s", one.name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  if (options->tiny) rounds = 2;
  c10::SetCPUAllocator(new KeepingAllocator, /*priority=*/255);  // for the life of the process
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::printf("%s, float32, %d core(s) out of cache and 1 in cache; load average %.1f\n",
              at::get_cpu_capability().c_str(), cores, load_average());
  std::printf("GB/s, %% of the bandwidth of copying and of adding, times faster than composed\n");
  std::printf("%-12s %12s %5s  %7s %7s | %7s %6s %7s | %7s %6s %6s %7s\n", "norm", "tensor", "C", "copy", "add",
              "forward", "copy", "compos.", "backw.", "copy", "add", "compos.");
  for (const FusedCase& one : autonorm::kernels::fused_cases()) {
    if (one.name.find('_') != std::string::npos && one.name != options->norm) continue;  // variants
    if (!options->norm.empty() && one.name != options->norm) continue;
    measure(one, {.batch = options->megabytes * 1000000 / 4 / (197 * 768) + 1, .tokens = 197, .channels = 768}, cores);
    for (const int64_t c : {1, 3, 64, 65, 127, 192, 768, 1023, 4096}) {
      for (const int64_t elements : {4096, 65536, 327680}) {  // 16 kB, 256 kB, 1.3 MB
        measure(one, {.batch = 4, .tokens = std::max<int64_t>(1, elements / 4 / c), .channels = c}, 1);
      }
    }
  }
  return 0;
}
