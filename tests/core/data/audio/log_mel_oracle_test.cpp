// The speech front end of the model oracles. The file explains hash, signal and tolerance.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "core/data/audio/log_mel.h"

namespace denseshift::data {
namespace {

using nlohmann::json;

std::string oracle_path() {
  std::string path;
  if (const char* named = std::getenv("DENSESHIFT_MODEL_ORACLES")) {
    path = named;
  } else if (const char* folder = std::getenv("DENSESHIFT_TEST_DATA")) {
    path = std::string(folder) + "/model_oracles.json";
  }
  return std::ifstream(path) ? path : std::string();
}

double signed_unit(std::uint32_t i, std::uint32_t k, std::uint32_t seed) {
  std::uint32_t x = i * 0x9E3779B1U + k * 0x85EBCA77U + seed * 0xC2B2AE3DU;
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  x ^= x >> 16;
  return 2 * ((x + 0.5) / 4294967296.0) - 1;
}

/// The signal that the entry describes in words.
std::vector<float> signal(std::uint32_t seed) {
  constexpr std::uint32_t kSamples = 8000;
  std::vector<float> samples;
  for (std::uint32_t n = 0; n < kSamples; ++n) {
    const double turn = 2 * std::numbers::pi * n / 16000;
    samples.push_back(static_cast<float>(0.3 * std::sin(440 * turn) +
                                         0.2 * std::sin((900 + 1500.0 * n / kSamples) * turn) +
                                         0.05 * signed_unit(n, 1000020, seed)));
  }
  return samples;
}

TEST(LogMelOracle, AllNumbersOfTheFrontEnd) {
  const std::string path = oracle_path();
  if (path.empty()) GTEST_SKIP() << "no model oracles: set DENSESHIFT_MODEL_ORACLES or DENSESHIFT_TEST_DATA";
  const json file = json::parse(std::ifstream(path));
  if (!file.contains("logmel")) GTEST_SKIP() << "no entry logmel";
  const json& oracle = file.at("logmel");
  const LogMel log_mel({});
  const Features features = log_mel.compute(signal(file.at("format").at("seed").get<std::uint32_t>()));
  const std::vector<float>& values = features.values;
  ASSERT_EQ(features.frames, oracle.at("frames").get<std::int64_t>());
  ASSERT_EQ(features.bins, 64);

  double filters = 0;
  std::int64_t empty = 0;
  for (std::int64_t bin = 0; bin < features.bins; ++bin) {
    const std::vector<float> filter = log_mel.filter(bin);
    const double sum = std::accumulate(filter.begin(), filter.end(), 0.0);
    filters += sum;
    empty += sum == 0 ? 1 : 0;
  }
  EXPECT_NEAR(filters, oracle.at("filterbank_sum").get<double>(), 1e-4);
  EXPECT_EQ(empty, oracle.at("empty_filters").get<std::int64_t>());

  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  const double magnitudes =
      std::accumulate(values.begin(), values.end(), 0.0, [](double all, float x) { return all + std::abs(x); });
  const double mean = magnitudes / static_cast<double>(values.size());
  const double tolerance = 2e-4 * mean + 1e-5;
  EXPECT_NEAR(sum, oracle.at("logmel_sum").get<double>(), 1e-4 * magnitudes);
  EXPECT_NEAR(*std::min_element(values.begin(), values.end()), oracle.at("logmel_min").get<double>(), tolerance);
  EXPECT_NEAR(*std::max_element(values.begin(), values.end()), oracle.at("logmel_max").get<double>(), tolerance);

  const auto compare = [&](const std::string& name, const Features& have, std::int64_t frame, bool last) {
    const auto expected = oracle.at(name).get<std::vector<double>>();
    ASSERT_FALSE(expected.empty());
    const std::int64_t from = last ? have.bins - std::ssize(expected) : 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::int64_t bin = from + static_cast<std::int64_t>(i);
      EXPECT_NEAR(have.values[static_cast<std::size_t>(bin * have.frames + frame)], expected[i], tolerance)
          << name << " bin " << bin;
    }
  };
  compare("logmel_frame0_first8", features, 0, false);
  compare("logmel_frame47_last8", features, 47, true);
  Features normalised = features;
  normalise(normalised);
  compare("normalised_frame10_first8", normalised, 10, false);
}

}  // namespace
}  // namespace denseshift::data
