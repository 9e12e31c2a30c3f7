#pragma once
// Counter-keyed random streams. A stream is named by what it is for, never by who draws from it, so results do not
// depend on the number of worker threads and a run can resume anywhere.

#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

namespace denseshift {

/// SplitMix64 (Steele, Lea, Flood 2014) started from a hash of up to four keys. Same keys, same numbers, on every
/// machine.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed, std::uint64_t key1 = 0, std::uint64_t key2 = 0, std::uint64_t key3 = 0)
      : state_(mix(mix(mix(mix(seed) ^ key1) ^ key2) ^ key3)) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return finish(state_);
  }
  /// Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform integer in [0, n), without modulo bias (Lemire's method). n > 0.
  std::uint64_t below(std::uint64_t n) {
    while (true) {
      const unsigned __int128 product = static_cast<unsigned __int128>(next()) * n;
      if (static_cast<std::uint64_t>(product) >= (0 - n) % n) return static_cast<std::uint64_t>(product >> 64);
    }
  }
  /// Standard normal (Box-Muller, one value per call).
  double normal() {
    const double u = 1.0 - uniform();
    const double v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }

 private:
  static std::uint64_t finish(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  static std::uint64_t mix(std::uint64_t x) { return finish(x + 0x9E3779B97F4A7C15ULL); }

  std::uint64_t state_;
};

/// Fisher-Yates permutation of 0..n-1 drawn from the stream.
inline std::vector<std::int64_t> permutation(std::int64_t n, RandomStream& random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace denseshift
