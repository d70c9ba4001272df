// Makes the table of row_kernels.h for the instruction set that the including unit is compiled for.
#pragma once
#include "core/kernels/rows/blend_rows.h"

namespace autonorm::kernels {
namespace {

// Calls body with the description of the element type.
template <class Body>
inline void with_element(RowElement type, Body body) {
  switch (type) {
    case RowElement::kFloat32:
      return body(Float32{});
    case RowElement::kBFloat16:
      return body(BFloat16{});
    case RowElement::kFloat64:
      return body(Float64{});
  }
}

void layer_forward(const LayerForward& a, int64_t first, int64_t last) {
  with_element(a.type, [&]<class E>(E) {
    a.centered ? layer_forward_rows<E, true>(a, first, last) : layer_forward_rows<E, false>(a, first, last);
  });
}

void layer_backward(const LayerBackward& a, int64_t first, int64_t last, void* sums) {
  with_element(a.type, [&]<class E>(E) {
    a.centered ? layer_backward_rows<E, true>(a, first, last, sums)
               : layer_backward_rows<E, false>(a, first, last, sums);
  });
}

void squash_forward(const SquashForward& a, int64_t first, int64_t last) {
  with_element(a.type, [&]<class E>(E) {
    a.squash == Squash::kTanh ? squash_forward_rows<E, TanhOf>(a, first, last)
                              : squash_forward_rows<E, ErfOf>(a, first, last);
  });
}

void squash_backward(const SquashBackward& a, int64_t first, int64_t last, void* sums) {
  with_element(a.type, [&]<class E>(E) {
    a.squash == Squash::kTanh ? squash_backward_rows<E, TanhOf>(a, first, last, sums)
                              : squash_backward_rows<E, ErfOf>(a, first, last, sums);
  });
}

void blend_forward(const BlendForward& a, int64_t first, int64_t last) {
  with_element(a.type, [&]<class E>(E) { blend_forward_rows<E>(a, first, last); });
}

void blend_backward(const BlendBackward& a, int64_t first, int64_t last, void* sums) {
  with_element(a.type, [&]<class E>(E) { blend_backward_rows<E>(a, first, last, sums); });
}

constexpr RowKernels row_table(const char* capability) {
  return {capability, layer_forward, layer_backward, squash_forward, squash_backward, blend_forward, blend_backward};
}

}  // namespace
}  // namespace autonorm::kernels
