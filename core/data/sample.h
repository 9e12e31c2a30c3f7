#pragma once
// What a dataset gives to the network for one sample: values, and what is known about them.

#include <array>
#include <cstdint>
#include <vector>

namespace denseshift::data {

/// An object to be found.
struct ObjectTarget {
  std::array<float, 4> box{};  ///< left, top, right, bottom in pixels of the network's input
  std::int64_t label = 0;      ///< class of the dataset, from 0
};

/// A class map's value for pixels that do not count.
constexpr std::uint8_t kIgnoredPixel = 255;

/// A sample without its values.
struct SampleInfo {
  std::int64_t index = 0;            ///< in its split
  std::int64_t image = 0;            ///< id in the annotations; the index where there are none
  std::int64_t height = 0;           ///< of the values; bins of a spectrogram
  std::int64_t width = 0;            ///< of the values; frames of a spectrogram
  std::int64_t original_height = 0;  ///< of the file; 0: as the values
  std::int64_t original_width = 0;
  std::int64_t label = 0;             ///< classification and speech
  std::vector<ObjectTarget> objects;  ///< detection
  std::vector<std::uint8_t> mask;     ///< segmentation: height x width classes, kIgnoredPixel where none counts
};

/// One sample as the network sees it.
struct Sample {
  std::vector<float> values;  ///< channels x height x width, normalised
  SampleInfo info;
};

}  // namespace denseshift::data
