#include "core/norms/squash.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <numbers>

#include "core/base/status.h"

namespace autonorm::norms {
namespace {

constexpr double kSteep = 1e-6;     // where a function of infinite slope becomes a line
constexpr double kSaturated = 1e6;  // beyond, u³ / (|u|³ + 1) is 1 in every dtype

// The odd function that is h on u ≥ 0; h(0) = 0. Its slope at 0 is h's, which sgn(u) · h(|u|) would lose.
template <class Half>
at::Tensor odd(const at::Tensor& u, Half&& h) {
  return at::where(u >= 0, h(u.clamp_min(0)), -h((-u).clamp_min(0)));
}

// As odd(), for an h of infinite slope at 0.
template <class Half>
at::Tensor steep(const at::Tensor& u, double at_border, Half&& h) {
  const at::Tensor curve = odd(u, [&](const at::Tensor& a) { return h(a.clamp_min(kSteep)); });
  return at::where(u.abs() < kSteep, u * (at_border / kSteep), curve);
}

at::Tensor clipped(const at::Tensor& y) { return y.clamp(-1, 1); }

at::Tensor saturlog(const at::Tensor& u) {
  return odd(u, [](const at::Tensor& a) {
    const at::Tensor log = a.log1p();
    return log / (log + 1);
  });
}

at::Tensor cubsign(const at::Tensor& u) {
  const at::Tensor bounded = u.clamp(-kSaturated, kSaturated);
  return bounded.pow(3) / (bounded.abs().pow(3) + 1);
}

}  // namespace

at::Tensor squash(config::Squash function, const at::Tensor& u) {
  using enum config::Squash;
  switch (function) {
    case kErf:
      return u.erf();
    case kTanh1205:
      return (u * 1.205).tanh();
    case kTanh:
      return u.tanh();
    case kSatursin:
      return u.clamp(-std::numbers::pi / 2, std::numbers::pi / 2).sin();
    case kArcsinhclip:
      return clipped(u.asinh());
    case kExproot:
      return steep(u, -std::expm1(-std::sqrt(kSteep)), [](const at::Tensor& a) { return -(-a.sqrt()).expm1(); });
    case kLogsignClip:
      return clipped(odd(u, [](const at::Tensor& a) { return a.log1p(); }));
    case kArctan:
      return u.atan() * (2 / std::numbers::pi);
    case kSmoothsign:
      return u / (u.abs() + 1);
    case kIsru:
      return u * (u.square() + 1).rsqrt();
    case kLinearClip:
      return clipped(u);
    case kRelsign:
      return u / ((u.square() + 1).sqrt() + 1);
    case kExpsign:
      return odd(u, [](const at::Tensor& a) { return -(-a).expm1(); });
    case kLogquadClip:
      return clipped(odd(u, [](const at::Tensor& a) { return a.square().log1p(); }));
    case kPower23Clip:
      return clipped(steep(u, std::pow(kSteep, 2.0 / 3.0), [](const at::Tensor& a) { return a.pow(2.0 / 3.0); }));
    case kSaturlog:
      return saturlog(u);
    case kCubsign:
      return cubsign(u);
  }
  check_failed("a known function", __FILE__, __LINE__, cat("squash ", static_cast<int>(function)));
}

}  // namespace autonorm::norms
