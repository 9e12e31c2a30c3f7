#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "tests/core/kernels/reference.h"

namespace denseshift::kernels {
namespace {

using reference::Layer;

TEST(SgdUpdate, HasTheBitsOfTheFormula) {
  for (const SgdStep& step :
       {SgdStep{0.1F, 0.9F, 1e-4F}, SgdStep{0.05F, 0.9F, 5e-4F, 0.37F, true}, SgdStep{0.1F, 0.0F, 1e-4F},
        SgdStep{0.1F, 0.9F, 0.0F}, SgdStep{0.1F, 0.0F, 0.0F, 0.25F}}) {
    for (const std::int64_t n : {1, 15, 16, 33, 1000}) {
      Layer layer(1, n, 1);
      Layer expected = layer;
      const std::int64_t begin = n > 20 ? 3 : 0;
      sgd_update(step, layer.grad.data(), layer.references[0].data(),
                 step.momentum != 0 ? layer.momenta[0].data() : nullptr, begin, n);
      for (std::int64_t k = begin; k < n; ++k) {
        const auto i = static_cast<std::size_t>(k);
        reference::sgd(step, layer.grad[i], expected.references[0][i], expected.momenta[0][i]);
      }
      EXPECT_EQ(layer.references[0], expected.references[0]);
      EXPECT_EQ(layer.momenta[0], expected.momenta[0]);
    }
  }
}

// Twenty steps against the textbook formulas in double.
TEST(AdamWUpdate, FollowsTheFormulas) {
  const std::int64_t n = 77;
  Layer layer(1, n, 2, 0.5F);
  std::vector<float> mean(77, 0.0F), mean_square(77, 0.0F);
  std::vector<double> w(layer.references[0].begin(), layer.references[0].end()), m(77, 0.0), v(77, 0.0);
  AdamWStep step;
  step.lr = 0.01;
  step.weight_decay = 0.05;
  step.grad_scale = 0.5;
  RandomStream random(3);
  for (step.step = 1; step.step <= 20; ++step.step) {
    for (float& g : layer.grad) g = static_cast<float>(random.normal());
    adamw_update(step, layer.grad.data(), layer.references[0].data(), mean.data(), mean_square.data(), 5, n);
    for (std::size_t i = 5; i < 77; ++i) {
      const double g = static_cast<double>(layer.grad[i]) * 0.5;
      w[i] -= step.lr * step.weight_decay * w[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      const double mean_hat = m[i] / (1 - std::pow(0.9, step.step));
      const double square_hat = v[i] / (1 - std::pow(0.999, step.step));
      w[i] -= step.lr * mean_hat / (std::sqrt(square_hat) + 1e-8);
    }
  }
  for (std::size_t i = 0; i < 77; ++i) {
    EXPECT_NEAR(layer.references[0][i], w[i], 2e-6) << i;
    EXPECT_NEAR(mean[i], m[i], 1e-6);
    EXPECT_NEAR(mean_square[i], v[i], 1e-6);
  }
  EXPECT_EQ(mean[4], 0.0F);
}

/// Median seconds of 15 calls of work(begin, end) on `threads` threads.
template <class Work>
double median_seconds(std::int64_t n, int threads, const Work& work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  for (int k = 0; k < 15; ++k) {
    const auto start = Clock::now();
    std::vector<std::thread> others;
    for (int part = 1; part < threads; ++part) {
      others.emplace_back([&, part] { work(n * part / threads, n * (part + 1) / threads); });
    }
    work(0, n / threads);
    for (std::thread& other : others) other.join();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

// Run by hand with --gtest_also_run_disabled_tests: time and memory rate of one 512x512x3x3 layer.
TEST(Throughput, DISABLED_SgdStep) {
  const std::int64_t n = 512 * 512 * 9;
  for (const int gates : {1, 3, 7}) {
    Layer layer(gates, n, 4);
    std::vector<float> weight(layer.grad.size()), copy(layer.grad.size());
    std::vector<std::uint8_t> codes(layer.grad.size());
    const std::vector<float*> references = layer.reference_pointers(), momenta = layer.momentum_pointers();
    for (const GradientMode mode : {GradientMode::surrogate, GradientMode::sign_only, GradientMode::none}) {
      const DenseShiftSpec spec{gates, mode};
      ASSERT_TRUE(quantize(spec, references.data(), weight.data(), codes.data(), 0, n));
      for (const int threads : {1, 2}) {
        const double step = median_seconds(n, threads, [&](std::int64_t begin, std::int64_t end) {
          EXPECT_TRUE(sgd_step(spec, {0.01F, 0.9F, 1e-4F}, layer.grad.data(), references.data(), momenta.data(),
                               weight.data(), codes.data(), begin, end));
        });
        const double plain = median_seconds(n, threads, [&](std::int64_t begin, std::int64_t end) {
          std::memcpy(copy.data() + begin, layer.grad.data() + begin,
                      static_cast<std::size_t>(end - begin) * sizeof(float));
        });
        const double bytes = static_cast<double>(n) * (16.0 * (gates + 1) + 10.0);
        std::printf("gates %d, gradient %d, %d threads: %6.2f ms, %5.1f GB/s (copy %5.1f GB/s)\n", gates,
                    static_cast<int>(mode), threads, 1e3 * step, bytes / step / 1e9,
                    static_cast<double>(n) * 8.0 / plain / 1e9);
      }
    }
  }
}

}  // namespace
}  // namespace denseshift::kernels
