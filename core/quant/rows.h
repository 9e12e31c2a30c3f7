#pragma once
// Walking a weight by output filters. Both memory formats in use (contiguous and channels last) keep a filter in one
// piece, so a row is n floats whose order inside does not matter.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace denseshift::quant {

/// The first element of row 0. REQUIRES: dense, filters outermost, float on the CPU.
[[nodiscard]] inline const float* row_data(const at::Tensor& weight) {
  TORCH_CHECK(weight.is_non_overlapping_and_dense() && weight.stride(0) * weight.size(0) == weight.numel(),
              "filters of a weight must lie one after the other");
  return weight.data_ptr<float>();
}

/// Calls body(row) for every row, several at a time on each thread. Rows do not share results, so the number of threads
/// changes no bit.
template <class Body>
void for_rows(std::int64_t rows, std::int64_t row_size, const Body& body) {
  constexpr std::int64_t kGrain = 16384;
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, row_size)),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t row = begin; row < end; ++row) body(row);
                   });
}

/// `grad` with the strides of `weight`: a gradient may come back in another memory format.
[[nodiscard]] inline at::Tensor with_layout_of(const at::Tensor& weight, const at::Tensor& grad) {
  if (grad.strides() == weight.strides() && grad.scalar_type() == weight.scalar_type()) return grad;
  return at::empty_like(weight).copy_(grad);
}

}  // namespace denseshift::quant
