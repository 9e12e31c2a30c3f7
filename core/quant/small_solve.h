#pragma once
// Linear systems of a handful of unknowns, as the basis of a filter is.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace denseshift::quant {

/// Gaussian elimination with row pivots: `right` becomes the solution, `matrix` (n x n, row-major) is used up. The
/// caller adds a ridge, so that no pivot is zero.
inline void solve_in_place(std::vector<double>& matrix, std::vector<double>& right) {
  const std::size_t n = right.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::fabs(matrix[i * n + k]) > std::fabs(matrix[pivot * n + k])) pivot = i;
    }
    if (pivot != k) {
      for (std::size_t j = 0; j < n; ++j) std::swap(matrix[k * n + j], matrix[pivot * n + j]);
      std::swap(right[k], right[pivot]);
    }
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = matrix[i * n + k] / matrix[k * n + k];
      for (std::size_t j = k; j < n; ++j) matrix[i * n + j] -= factor * matrix[k * n + j];
      right[i] -= factor * right[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) right[k] -= matrix[k * n + j] * right[j];
    right[k] /= matrix[k * n + k];
  }
}

}  // namespace denseshift::quant
