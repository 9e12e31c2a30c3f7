#pragma once
// The front end of the speech task: log-mel features.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace denseshift::data {

/// Parameters of the front end; the defaults are for 16 kHz.
struct FrontEnd {
  std::int64_t rate = 16000;  ///< samples per second
  std::int64_t window = 400;  ///< samples of a frame: 25 ms
  std::int64_t hop = 160;     ///< samples between the starts of frames: 10 ms
  std::int64_t fft = 512;     ///< points of the transform; the frame is padded with zeros behind
  std::int64_t bins = 64;     ///< mel filters
  double low = 20;            ///< Hz, lower edge of the first filter
  double high = 8000;         ///< Hz, upper edge of the last filter
  double floor = 1e-6;        ///< added to the energy of a filter before the logarithm

  /// Window and hop of the same duration and the band up to half the rate, 8000 Hz at most, for another rate. The
  /// transform has 512 points, more where the window needs them: at 8 kHz a shorter one would leave the lowest filters
  /// without a point.
  [[nodiscard]] static FrontEnd at_rate(std::int64_t rate);

  /// All parameters and the version of the computation as one line: equal lines, equal features.
  [[nodiscard]] std::string key() const;
};

/// Features of one recording: one row per bin, one column per frame.
struct Features {
  std::int64_t bins = 0;
  std::int64_t frames = 0;
  std::vector<float> values;  ///< bins x frames
  bool operator==(const Features&) const = default;
};

/// Log-mel energies: periodic Hann window, power spectrum, triangular filters with peak 1 whose edges are equally
/// spaced on the HTK mel scale and which are linear in Hz, natural logarithm. Frames lie inside the recording.
/// Immutable, so that threads may share one.
class LogMel {
 public:
  /// Throws a usage error when the parameters do not fit together or leave a filter without a point of the transform.
  explicit LogMel(const FrontEnd& front_end);
  ~LogMel();
  LogMel(const LogMel&) = delete;
  LogMel& operator=(const LogMel&) = delete;

  [[nodiscard]] const FrontEnd& front_end() const { return front_end_; }
  /// Frames of a recording of so many samples; 0 when it is shorter than a window.
  [[nodiscard]] std::int64_t frames(std::int64_t samples) const;
  /// Log energies, not normalised.
  [[nodiscard]] Features compute(const std::vector<float>& samples) const;
  /// Weight of a filter at each point of the transform (fft / 2 + 1 values).
  [[nodiscard]] std::vector<float> filter(std::int64_t bin) const;

 private:
  struct Filter {
    std::int64_t first = 0;  ///< first point with a weight
    std::vector<float> weights;
  };
  FrontEnd front_end_;
  std::vector<float> window_;
  std::vector<Filter> filters_;
};

/// Makes every bin's mean over time 0 and its deviation 1: (x - mean) / (deviation + 1e-5).
void normalise(Features& features);

}  // namespace denseshift::data
