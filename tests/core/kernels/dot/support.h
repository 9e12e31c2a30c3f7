#pragma once
// What the tests of the dot products share: kernels to run, memory that ends at a forbidden page, halves in double.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/kernels/dot/dot.h"

namespace denseshift::kernels {

/// Every kernel of the list that this CPU can run.
inline std::vector<DotKernel> runnable(DotFamily family) {
  std::vector<DotKernel> kernels;
  for (const DotKernel& kernel : dot_kernels()) {
    if (kernel.family == family && isa_supported(kernel.isa)) kernels.push_back(kernel);
  }
  return kernels;
}

/// Memory that faults behind its end and before its beginning. place() copies to the end, so the alignment follows from
/// the size, and a kernel that reads too far crashes.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t capacity) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size_ = (capacity + page - 1) / page * page;
    total_ = size_ + 2 * page;
    void* all = mmap(nullptr, total_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) std::abort();
    begin_ = static_cast<std::uint8_t*>(all) + page;
    if (mprotect(begin_, size_, PROT_READ | PROT_WRITE) != 0) std::abort();
    page_ = page;
  }
  ~GuardedMemory() { munmap(begin_ - page_, total_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  template <class T>
  const T* place(const std::vector<T>& values) {
    const std::size_t bytes = values.size() * sizeof(T);
    if (bytes > size_) std::abort();
    std::uint8_t* to = begin_ + size_ - bytes;
    if (bytes > 0) std::memcpy(to, values.data(), bytes);
    return reinterpret_cast<const T*>(to);
  }

 private:
  std::uint8_t* begin_ = nullptr;
  std::size_t page_ = 0, size_ = 0, total_ = 0;
};

/// Every how many-th activation is tried: 1 unless DENSESHIFT_TEST_STRIDE says otherwise (slow emulators).
inline std::uint32_t test_stride() {
  const char* text = std::getenv("DENSESHIFT_TEST_STRIDE");
  const int value = text == nullptr ? 1 : std::atoi(text);
  return value < 1 ? 1 : static_cast<std::uint32_t>(value);
}

inline double value_of_half(unsigned bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const double mantissa = bits & 0x3ff;
  double magnitude = 0;
  if (exponent == 31) {
    magnitude = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else {
    magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

inline double value_of(const DotWeight& weight) { return weight.sign * std::ldexp(1.0, weight.exponent); }

/// All weights that a variant holds, without zero.
inline std::vector<DotWeight> weights_of(std::string_view variant) {
  std::vector<DotWeight> weights;
  for (int p = 0; p < 1 << (dot_variant(variant).max_bits - 1); ++p) {
    for (const int sign : {1, -1}) weights.push_back({static_cast<std::int8_t>(sign), static_cast<std::int8_t>(p)});
  }
  return weights;
}

inline DotWeight random_weight(std::string_view variant, std::mt19937& random) {
  const DotVariant& about = dot_variant(variant);
  if (about.zero_weights && random() % 4 == 0) return {0, 0};
  const auto all = weights_of(variant);
  return all[random() % all.size()];
}

inline bool same_value(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// Lengths that end everywhere in every kernel's steps.
inline std::vector<std::size_t> lengths() {
  std::vector<std::size_t> all = {0};
  for (std::size_t n = 1; n <= 70; ++n) all.push_back(n);
  for (const std::size_t n : {127, 128, 129, 191, 192, 255, 256, 257, 300, 511, 513, 1000, 4096, 4099})
    all.push_back(n);
  return all;
}

}  // namespace denseshift::kernels
