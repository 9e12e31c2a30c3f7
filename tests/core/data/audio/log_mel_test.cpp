#include "core/data/audio/log_mel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/util/rng.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::HasSubstr;

std::vector<float> sine(double hertz, std::int64_t rate, std::int64_t count) {
  std::vector<float> samples;
  for (std::int64_t i = 0; i < count; ++i) {
    const double turn = hertz * static_cast<double>(i) / static_cast<double>(rate);
    samples.push_back(static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * turn)));
  }
  return samples;
}

TEST(LogMel, FramesLieInsideTheRecording) {
  const LogMel log_mel({});
  EXPECT_EQ(log_mel.frames(0), 0);
  EXPECT_EQ(log_mel.frames(399), 0);
  EXPECT_EQ(log_mel.frames(400), 1);
  EXPECT_EQ(log_mel.frames(559), 1);
  EXPECT_EQ(log_mel.frames(560), 2);
  EXPECT_EQ(log_mel.frames(12800), 78);
  EXPECT_EQ(log_mel.compute(std::vector<float>(100)).frames, 0);
}

TEST(LogMel, EnergiesAreThoseOfTheDefinitionInDoublePrecision) {
  const FrontEnd f;
  const LogMel log_mel(f);
  RandomStream random(9);
  std::vector<float> samples(2000);
  for (float& sample : samples) sample = static_cast<float>(random.uniform(-1, 1));
  const Features features = log_mel.compute(samples);
  ASSERT_EQ(features.frames, 11);
  const std::int64_t frame = 7;
  std::vector<double> power;
  for (std::int64_t k = 0; k <= f.fft / 2; ++k) {
    double re = 0;
    double im = 0;
    for (std::int64_t n = 0; n < f.window; ++n) {
      const double hann = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(n) / 400.0);
      const double x = samples[static_cast<std::size_t>(frame * f.hop + n)] * hann;
      const double angle = -2 * std::numbers::pi * static_cast<double>(k * n % f.fft) / static_cast<double>(f.fft);
      re += x * std::cos(angle);
      im += x * std::sin(angle);
    }
    power.push_back(re * re + im * im);
  }
  for (std::int64_t bin = 0; bin < f.bins; ++bin) {
    const std::vector<float> filter = log_mel.filter(bin);
    double energy = 0;
    for (std::size_t k = 0; k < power.size(); ++k) energy += power[k] * static_cast<double>(filter[k]);
    EXPECT_NEAR(features.values[static_cast<std::size_t>(bin * features.frames + frame)], std::log(energy + 1e-6),
                1e-5);
  }
}

TEST(LogMel, FiltersAreTrianglesBetweenMelEdges) {
  for (const std::int64_t rate : {8000, 16000, 44100}) {
    const FrontEnd f = FrontEnd::at_rate(rate);
    const LogMel log_mel(f);
    const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    const double step = (mel(f.high) - mel(20)) / 65;
    double top = 0;
    for (std::int64_t bin = 0; bin < f.bins; ++bin) {
      const std::vector<float> filter = log_mel.filter(bin);
      ASSERT_EQ(std::ssize(filter), f.fft / 2 + 1);
      const auto left = static_cast<double>(bin);
      for (std::size_t k = 0; k < filter.size(); ++k) {
        const double hertz = static_cast<double>(k) * static_cast<double>(rate) / static_cast<double>(f.fft);
        const double position = (mel(hertz) - mel(20)) / step;
        const bool at_edge = std::min(std::abs(position - left), std::abs(position - left - 2)) < 1e-9;
        const bool inside = position > left && position < left + 2;
        EXPECT_TRUE(at_edge || (filter[k] > 0) == inside) << rate << " Hz, filter " << bin;
        EXPECT_LE(filter[k], 1.0F);
        top = std::max(top, static_cast<double>(filter[k]));
      }
    }
    EXPECT_GT(top, 0.99);
  }
}

TEST(LogMel, AnotherRateKeepsTimesAndPitches) {
  const FrontEnd f = FrontEnd::at_rate(8000);
  EXPECT_EQ(f.window, 200);
  EXPECT_EQ(f.hop, 80);
  EXPECT_EQ(f.fft, 512);
  EXPECT_EQ(f.high, 4000);
  EXPECT_NE(f.key(), FrontEnd().key());
  const LogMel low(f);
  // A tone is loudest in the filter whose peak is next to it.
  const Features features = low.compute(sine(1000, 8000, 4000));
  std::int64_t loudest = 0;
  for (std::int64_t bin = 0; bin < f.bins; ++bin) {
    const auto at = [&](std::int64_t b) { return features.values[static_cast<std::size_t>(b * features.frames + 20)]; };
    if (at(bin) > at(loudest)) loudest = bin;
  }
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  EXPECT_EQ(loudest, std::lround((mel(1000) - mel(20)) / ((mel(4000) - mel(20)) / 65)) - 1);
}

TEST(LogMel, ParametersThatDoNotFitAreRefused) {
  EXPECT_THAT(error_of([] { LogMel({.bins = 256}); }), HasSubstr("lies between two points"));
  EXPECT_THAT(error_of([] { LogMel({.fft = 256}); }), HasSubstr("do not fit together"));
  EXPECT_THAT(error_of([] { LogMel({.rate = 8000}); }), HasSubstr("does not fit a rate of 8000 Hz"));
  EXPECT_THAT(error_of([] { LogMel({.floor = 0}); }), HasSubstr("front end"));
}

TEST(Normalise, EveryBinHasMeanZeroAndDeviationOne) {
  RandomStream random(2);
  Features features{3, 50, {}};
  for (int i = 0; i < 100; ++i) features.values.push_back(static_cast<float>(random.uniform(-9, 4)));
  features.values.resize(150, -13.8F);  // a bin of silence
  normalise(features);
  for (std::size_t bin = 0; bin < 2; ++bin) {
    double sum = 0;
    double squares = 0;
    for (std::size_t t = 0; t < 50; ++t) {
      const double x = features.values[bin * 50 + t];
      sum += x;
      squares += x * x;
    }
    EXPECT_NEAR(sum / 50, 0, 1e-5);
    EXPECT_NEAR(squares / 50, 1, 1e-4);
  }
  for (std::size_t t = 100; t < 150; ++t) EXPECT_NEAR(features.values[t], 0, 0.1) << "rounding is not blown up";
}

TEST(LogMel, SilenceIsFlat) {
  Features features = LogMel({}).compute(std::vector<float>(8000));
  for (const float value : features.values) ASSERT_FLOAT_EQ(value, std::log(1e-6F));
  normalise(features);
  for (const float value : features.values) ASSERT_NEAR(value, 0, 0.1);
}

}  // namespace
}  // namespace denseshift::data
