#pragma once
// Real weights seen through the levels of DenseShift: what full-precision training is compared with in the
// weight-freezing metric. The definition is ours.

#include <cstdint>
#include <vector>

namespace denseshift::metrics {

/// The levels +-2^k, k = 0 .. 2^(bits-1) - 1, times a scale. REQUIRES: bits 2, 3 or 4.
class RoundedLevels {
 public:
  explicit RoundedLevels(std::int64_t bits, double scale = 1) : bits_(bits), scale_(scale) {}

  /// Sets the scale so that the mean magnitude of the levels is the mean magnitude of these weights (1 when all are 0).
  void fit(const float* weights, std::int64_t count);

  /// Multiples of the scale in ascending order.
  [[nodiscard]] std::vector<double> levels() const;
  [[nodiscard]] double scale() const { return scale_; }
  void set_scale(double scale) { scale_ = scale; }

  /// Index of the nearest level of each weight. Halfway goes to the larger magnitude; 0 is negative, as DenseShift's
  /// sign has it.
  [[nodiscard]] std::vector<std::uint8_t> codes(const float* weights, std::int64_t count) const;

 private:
  [[nodiscard]] int top() const { return (1 << (bits_ - 1)) - 1; }  ///< largest k
  std::int64_t bits_;
  double scale_;
};

}  // namespace denseshift::metrics
