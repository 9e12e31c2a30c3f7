#pragma once
// Matrix products with packed weights (core/kernels/packed) as candidates, and the same problem in the plain forms that
// other libraries take.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bench/harness.h"
#include "core/kernels/isa.h"
#include "core/kernels/packed/packed.h"

namespace denseshift::bench {

/// What a candidate costs at least, for its fraction of the machine's limits.
struct Work {
  double macs = 0;       ///< multiply-accumulates
  double bytes = 0;      ///< weights that one call reads
  bool integer = false;  ///< 8-bit products; else FP32
};

/// A candidate with what is told of it.
struct WorkCase {
  Candidate candidate;
  Work work;
  bool ours = false;
};

/// Settings that all cases share.
struct CaseOptions {
  bool cold = false;
  int threads = 1;
  std::optional<kernels::Isa> isa;  ///< what --isa restricts to, restored after a scalar candidate ran
};

/// y[m][n] = sum over k of x[m][k] w[n][k], with weights of `bits` bits and scale 1.
struct MatrixProblem {
  std::size_t m = 0, n = 0, k = 0;
  int bits = 2;
  std::vector<float> w;          ///< n * k
  std::vector<std::int8_t> w8;   ///< the same; only 2 and 3 bits fit
  std::vector<float> x;          ///< m * k
  std::vector<std::uint8_t> x8;  ///< m * k: x quantized, zero point 128
  float x_scale = 1;
  kernels::PackedMatrix packed;

  /// Exact sums of x * w and of the bytes x8 * w8 at output (row, column).
  [[nodiscard]] double float_sum(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::int64_t byte_sum(std::size_t row, std::size_t column) const;
  /// The same in which a byte stands for byte - 128.
  [[nodiscard]] std::int64_t centred_sum(std::size_t row, std::size_t column) const;
  /// Sum of |x * w|, what errors of floats are measured by.
  [[nodiscard]] double magnitude(std::size_t row, std::size_t column) const;
};
[[nodiscard]] std::shared_ptr<const MatrixProblem> make_matrix_problem(std::size_t m, std::size_t n, std::size_t k,
                                                                       int bits);

/// Our candidates at problem.bits: w<bits>a8 (activations are bytes already), w<bits>a8+q (quantization of the
/// activations included), w<bits>f32 (exact); m = 1 takes the matrix-vector kernels. The scalar path is there too, as
/// w<bits>a8-scalar, where it takes less than about a tenth of a second. Throws a work error when a result is wrong.
[[nodiscard]] std::vector<WorkCase> matrix_cases(const std::shared_ptr<const MatrixProblem>& problem,
                                                 const CaseOptions& options);
/// A plain loop over floats, the baseline on a machine without any other library. Empty for large problems.
[[nodiscard]] std::vector<WorkCase> plain_matrix_cases(const std::shared_ptr<const MatrixProblem>& problem,
                                                       const CaseOptions& options);

/// Outputs that are checked, spread over the result: at most 64 pairs (row, column).
[[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> checked_outputs(std::size_t rows, std::size_t columns);

/// Runs calls under the scalar level.
[[nodiscard]] std::function<void(std::size_t, std::size_t)> under_scalar(
    std::function<void(std::size_t, std::size_t)> run, std::optional<kernels::Isa> restore);

}  // namespace denseshift::bench
