#pragma once
// Element-wise kernels over tensors: any dense memory format, pieces of a fixed size on all threads. Results per piece
// are combined in the order of the pieces, so the number of threads changes no bit.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace denseshift::quant {

inline constexpr std::int64_t kPiece = 16384;

[[nodiscard]] inline std::int64_t piece_count(std::int64_t n) { return (n + kPiece - 1) / kPiece; }

/// Calls body(piece, first element, number of elements).
template <class Body>
void for_pieces(std::int64_t n, const Body& body) {
  at::parallel_for(0, piece_count(n), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t piece = begin; piece < end; ++piece) {
      body(piece, piece * kPiece, std::min(kPiece, n - piece * kPiece));
    }
  });
}

/// The tensor itself when its elements fill one piece of memory, else a copy that does.
[[nodiscard]] inline at::Tensor dense(const at::Tensor& x) {
  return x.is_non_overlapping_and_dense() ? x : x.contiguous();
}

/// `x` with the strides of `like`, which may have another type.
[[nodiscard]] inline at::Tensor with_strides_of(const at::Tensor& like, const at::Tensor& x) {
  return x.strides() == like.strides() ? x : at::empty_like(like, x.scalar_type()).copy_(x);
}

}  // namespace denseshift::quant
