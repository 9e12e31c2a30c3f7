#pragma once
// Inputs of measurements: reproducible, and never denormal or zero, on which some arithmetic units are far slower.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace denseshift::bench {

/// A small generator (splitmix64) for test data.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// 0 .. n - 1.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  /// Magnitude 1/64 .. 1, either sign.
  float value() {
    const float magnitude = static_cast<float>(1 + below(1U << 16)) / static_cast<float>(1U << 16);
    return (next() & 1U) != 0 ? magnitude / 2 + 0.5F / 64 : -magnitude / 2 - 0.5F / 64;
  }

 private:
  std::uint64_t state_;
};

[[nodiscard]] inline std::vector<float> random_values(std::size_t count, Random& random) {
  std::vector<float> values(count);
  for (float& value : values) value = random.value();
  return values;
}

}  // namespace denseshift::bench
