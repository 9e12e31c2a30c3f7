#include "core/bench/dot_cases.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/bench/memory.h"
#include "core/bench/random_data.h"
#include "core/kernels/packed/aligned.h"
#include "core/util/error.h"

namespace denseshift::bench {
namespace {

using kernels::DotFamily;
using kernels::DotKernel;
using kernels::DotVariant;
using kernels::DotWeight;

/// x and weights of one case, as many copies as the mode wants.
struct DotData {
  std::size_t n = 0;
  std::size_t copies = 1;
  std::size_t x_stride = 0, w_stride = 0;  ///< bytes from copy to copy
  kernels::AlignedBytes x, w;

  [[nodiscard]] const void* activations(std::size_t call) const { return x.data() + call % copies * x_stride; }
  [[nodiscard]] const void* weights(std::size_t call) const { return w.data() + call % copies * w_stride; }
};

std::size_t padded(std::size_t bytes) { return (bytes + 127) / 64 * 64; }

/// A normal half of magnitude 2^-4 .. 1.
std::uint16_t random_half(Random& random) {
  const auto exponent = static_cast<unsigned>(11 + random.below(4));
  return static_cast<std::uint16_t>(random.below(2) << 15 | exponent << 10 | random.below(1024));
}

double value_of_half(std::uint16_t half) {
  const double magnitude = std::ldexp(1024 + (half & 1023), (half >> 10 & 31) - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

std::vector<DotWeight> random_weights(const DotVariant& variant, std::size_t n, Random& random) {
  const int bits = std::min(variant.max_bits, 3);
  std::vector<DotWeight> weights(n);
  for (DotWeight& weight : weights) {
    weight.exponent = static_cast<std::int8_t>(random.below(std::uint64_t{1} << (bits - 1)));
    weight.sign = random.below(2) == 0 ? 1 : -1;
    if (variant.zero_weights && random.below(4) == 0) weight.sign = 0;
  }
  return weights;
}

double value_of(const DotWeight& weight) { return weight.sign * std::ldexp(1.0, weight.exponent); }

void check(const DotKernel& kernel, const DotData& data, const std::vector<DotWeight>& weights) {
  double expected = 0;
  double magnitude = 0;
  const bool f16 = kernel.family == DotFamily::f16;
  for (std::size_t i = 0; i < data.n; ++i) {
    double x = 0;
    if (f16) {
      std::uint16_t half = 0;
      std::memcpy(&half, data.x.data() + 2 * i, 2);
      x = value_of_half(half);
    } else {
      x = static_cast<std::int8_t>(data.x[i]);
    }
    expected += x * value_of(weights[i]);
    magnitude += std::fabs(x * value_of(weights[i]));
  }
  const double result = f16 ? static_cast<double>(kernel.f16(static_cast<const std::uint16_t*>(data.activations(0)),
                                                             data.weights(0), data.n))
                            : static_cast<double>(kernel.i8(static_cast<const std::int8_t*>(data.activations(0)),
                                                            data.weights(0), data.n));
  // Variants that also add in FP16 are right to its precision only.
  const double unit = kernel.variant.starts_with("fp16_") ? 0x1p-11 : 0x1p-24;
  const double allowed = f16 ? magnitude * std::min(0.1, static_cast<double>(data.n) * unit) : 0;
  if (std::fabs(result - expected) <= allowed) return;
  throw work_error("the kernel " + std::string(kernel.name) + " computes " + std::to_string(result) + " instead of " +
                   std::to_string(expected));
}

std::shared_ptr<DotData> make_data(const DotKernel& kernel, const DotVariant& variant, std::size_t n, bool cold) {
  Random random(n);
  auto data = std::make_shared<DotData>();
  data->n = n;
  const std::size_t element = kernel.family == DotFamily::f16 ? 2 : 1;
  const std::vector<DotWeight> weights = random_weights(variant, n, random);
  const std::vector<std::uint8_t> packed = kernels::pack_dot_weights(kernel, weights);
  data->x_stride = padded(n * element);
  data->w_stride = padded(packed.size());
  if (cold) data->copies = copies_beyond_cache(data->x_stride + data->w_stride, cache_sizes());
  data->x.resize(data->copies * data->x_stride);
  data->w.resize(data->copies * data->w_stride);
  for (std::size_t i = 0; i < n; ++i) {
    const auto bits = element == 2 ? random_half(random) : static_cast<std::uint16_t>(random.below(255) + 129);
    std::memcpy(data->x.data() + element * i, &bits, element);
  }
  std::memcpy(data->w.data(), packed.data(), packed.size());
  for (std::size_t copy = 1; copy < data->copies; ++copy) {
    std::memcpy(data->x.data() + copy * data->x_stride, data->x.data(), data->x_stride);
    std::memcpy(data->w.data() + copy * data->w_stride, data->w.data(), data->w_stride);
  }
  check(kernel, *data, weights);
  return data;
}

std::function<void(std::size_t, std::size_t)> runner(const DotKernel& kernel, std::shared_ptr<const DotData> data) {
  if (kernel.family == DotFamily::f16) {
    return each_call([dot = kernel.f16, data](std::size_t call) {
      const float sum = dot(static_cast<const std::uint16_t*>(data->activations(call)), data->weights(call), data->n);
      keep(&sum);
    });
  }
  return each_call([dot = kernel.i8, data](std::size_t call) {
    const std::int32_t sum =
        dot(static_cast<const std::int8_t*>(data->activations(call)), data->weights(call), data->n);
    keep(&sum);
  });
}

}  // namespace

std::vector<DotCase> dot_cases(std::size_t n, kernels::IsaSet allowed, bool cold) {
  std::vector<DotCase> cases;
  for (const DotVariant& variant : kernels::dot_variants()) {
    const DotKernel* kernel = kernels::find_dot_kernel(variant.variant, allowed);
    if (kernel == nullptr) continue;
    const std::shared_ptr<const DotData> data = make_data(*kernel, variant, n, cold);
    DotCase one{&variant, kernel, 0, {}};
    one.weight_bytes = static_cast<double>(kernels::pack_dot_weights(*kernel, std::vector<DotWeight>(n)).size()) /
                       static_cast<double>(n);
    one.candidate = {std::string(variant.variant), std::string(variant.description),
                     variant.family == DotFamily::f16 ? "fp16" : "int8", runner(*kernel, data)};
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace denseshift::bench
