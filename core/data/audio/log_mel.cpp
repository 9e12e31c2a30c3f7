#include "core/data/audio/log_mel.h"

#include <fmt/format.h>
#include <kiss_fftr.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "core/util/error.h"

namespace denseshift::data {
namespace {

/// Changes when features of equal parameters change.
constexpr int kVersion = 1;
constexpr std::int64_t kFrameMilliseconds = 25;
constexpr std::int64_t kHopMilliseconds = 10;

double mel_of(double hertz) { return 2595.0 * std::log10(1.0 + hertz / 700.0); }
double hertz_of(double mel) { return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0); }

struct FreePlan {
  void operator()(kiss_fftr_state* plan) const { kiss_fftr_free(plan); }
};
// A plan holds working memory, so every call has one of its own; making it costs about as much as two frames.
using Plan = std::unique_ptr<kiss_fftr_state, FreePlan>;

void check(const FrontEnd& f) {
  const bool sizes = f.rate > 0 && f.hop > 0 && f.window > 1 && f.fft >= f.window && f.fft % 2 == 0 &&
                     f.fft <= (1 << 20) && f.bins > 0 && f.bins <= 4096;
  if (!sizes) {
    throw usage_error(fmt::format("front end: window {}, hop {}, fft {} and {} bins at {} Hz do not fit together",
                                  f.window, f.hop, f.fft, f.bins, f.rate));
  }
  const double half = static_cast<double>(f.rate) / 2;
  if (!(f.low >= 0 && f.low < f.high && f.high <= half) || !(f.floor > 0)) {
    throw usage_error(
        fmt::format("front end: a band from {:.6g} to {:.6g} Hz does not fit a rate of {} Hz", f.low, f.high, f.rate));
  }
}

/// rows x columns to columns x rows, in squares that stay in the first cache.
void transpose(const float* from, std::int64_t rows, std::int64_t columns, float* to) {
  constexpr std::int64_t kSide = 16;
  for (std::int64_t r0 = 0; r0 < rows; r0 += kSide) {
    for (std::int64_t c0 = 0; c0 < columns; c0 += kSide) {
      for (std::int64_t c = c0; c < std::min(columns, c0 + kSide); ++c) {
        for (std::int64_t r = r0; r < std::min(rows, r0 + kSide); ++r) to[c * rows + r] = from[r * columns + c];
      }
    }
  }
}

}  // namespace

FrontEnd FrontEnd::at_rate(std::int64_t rate) {
  FrontEnd f;
  f.rate = rate;
  f.window = rate * kFrameMilliseconds / 1000;
  f.hop = rate * kHopMilliseconds / 1000;
  f.fft = std::max<std::int64_t>(512, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(f.window))));
  f.high = std::min(8000.0, static_cast<double>(rate) / 2);
  return f;
}

std::string FrontEnd::key() const {
  return fmt::format("logmel {} rate {} window {} hop {} fft {} bins {} band {} {} floor {}", kVersion, rate, window,
                     hop, fft, bins, low, high, floor);
}

LogMel::LogMel(const FrontEnd& front_end) : front_end_(front_end) {
  check(front_end_);
  const FrontEnd& f = front_end_;
  for (std::int64_t i = 0; i < f.window; ++i) {
    const double turn = static_cast<double>(i) / static_cast<double>(f.window);
    window_.push_back(static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * turn)));
  }
  const double low = mel_of(f.low);
  const double step = (mel_of(f.high) - low) / static_cast<double>(f.bins + 1);
  const auto edge = [&](std::int64_t i) { return hertz_of(low + step * static_cast<double>(i)); };
  const double spacing = static_cast<double>(f.rate) / static_cast<double>(f.fft);
  for (std::int64_t bin = 0; bin < f.bins; ++bin) {
    const double left = edge(bin);
    const double peak = edge(bin + 1);
    const double right = edge(bin + 2);
    Filter filter;
    for (std::int64_t point = 0; point <= f.fft / 2; ++point) {
      const double hertz = spacing * static_cast<double>(point);
      const double weight = std::min((hertz - left) / (peak - left), (right - hertz) / (right - peak));
      if (weight <= 0) continue;
      if (filter.weights.empty()) filter.first = point;
      filter.weights.push_back(static_cast<float>(weight));
    }
    if (filter.weights.empty()) {
      throw usage_error(
          fmt::format("front end: filter {} ({:.1f} to {:.1f} Hz) lies between two points of an fft of {}", bin, left,
                      right, f.fft),
          "use fewer bins or a longer fft");
    }
    filters_.push_back(std::move(filter));
  }
}

LogMel::~LogMel() = default;

std::int64_t LogMel::frames(std::int64_t samples) const {
  return samples < front_end_.window ? 0 : (samples - front_end_.window) / front_end_.hop + 1;
}

Features LogMel::compute(const std::vector<float>& samples) const {
  const FrontEnd& f = front_end_;
  Features features{f.bins, frames(std::ssize(samples)), {}};
  if (features.frames == 0) return features;
  const Plan plan(kiss_fftr_alloc(static_cast<int>(f.fft), 0, nullptr, nullptr));
  if (!plan) throw work_error("no memory for a Fourier transform");
  const auto points = static_cast<std::size_t>(f.fft / 2 + 1);
  std::vector<float> frame(static_cast<std::size_t>(f.fft));
  std::vector<kiss_fft_cpx> spectrum(points);
  std::vector<float> power(points);
  std::vector<float> energies(static_cast<std::size_t>(features.frames * f.bins));
  float* energy = energies.data();
  for (std::int64_t t = 0; t < features.frames; ++t) {
    const float* begin = samples.data() + t * f.hop;
    for (std::size_t i = 0; i < window_.size(); ++i) frame[i] = begin[i] * window_[i];
    kiss_fftr(plan.get(), frame.data(), spectrum.data());
    for (std::size_t i = 0; i < points; ++i) power[i] = spectrum[i].r * spectrum[i].r + spectrum[i].i * spectrum[i].i;
    for (const Filter& filter : filters_) {
      const float* from = power.data() + filter.first;
      float sum = 0;
      for (std::size_t i = 0; i < filter.weights.size(); ++i) sum += from[i] * filter.weights[i];
      *energy++ = sum;
    }
  }
  const auto floor = static_cast<float>(f.floor);
  for (float& value : energies) value = std::log(value + floor);
  features.values.resize(energies.size());
  transpose(energies.data(), features.frames, f.bins, features.values.data());
  return features;
}

std::vector<float> LogMel::filter(std::int64_t bin) const {
  const Filter& filter = filters_.at(static_cast<std::size_t>(bin));
  std::vector<float> all(static_cast<std::size_t>(front_end_.fft / 2 + 1));
  std::copy(filter.weights.begin(), filter.weights.end(), all.begin() + filter.first);
  return all;
}

void normalise(Features& features) {
  constexpr double kSmall = 1e-5;
  const auto frames = static_cast<std::size_t>(features.frames);
  for (std::int64_t bin = 0; bin < features.bins; ++bin) {
    float* row = features.values.data() + bin * features.frames;
    double sum = 0;
    for (std::size_t t = 0; t < frames; ++t) sum += row[t];
    const double mean = sum / static_cast<double>(frames);
    double squares = 0;
    for (std::size_t t = 0; t < frames; ++t) squares += (row[t] - mean) * (row[t] - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(frames));
    const auto centre = static_cast<float>(mean);
    const auto scale = static_cast<float>(1.0 / (deviation + kSmall));
    for (std::size_t t = 0; t < frames; ++t) row[t] = (row[t] - centre) * scale;
  }
}

}  // namespace denseshift::data
