#include "core/data/audio/augment.h"

#include <algorithm>

namespace denseshift::data {
namespace {

/// Uniform in [0, most].
std::int64_t up_to(std::int64_t most, RandomStream& random) {
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(most, 0) + 1)));
}

}  // namespace

SpeechAugmentation SpeechAugmentation::for_frames(std::int64_t frames) {
  SpeechAugmentation how;
  how.time_width = frames / 10;
  return how;
}

void place(const Features& features, std::int64_t first, std::int64_t frames, float* out) {
  const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, frames);
  const std::int64_t end = std::clamp(features.frames - first, begin, frames);
  for (std::int64_t bin = 0; bin < features.bins; ++bin) {
    const float* row = features.values.data() + bin * features.frames;
    float* to = out + bin * frames;
    std::fill(to, to + begin, 0.0F);
    if (end > begin) std::copy(row + first + begin, row + first + end, to + begin);
    std::fill(to + end, to + frames, 0.0F);
  }
}

void augment(const Features& features, const SpeechAugmentation& how, std::int64_t frames, RandomStream& random,
             float* out) {
  const std::int64_t shift = up_to(2 * how.shift, random) - how.shift;
  const std::int64_t first = up_to(features.frames - frames, random) - shift;
  place(features, first, frames, out);
  const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, frames);
  const std::int64_t end = std::clamp(features.frames - first, begin, frames);
  for (std::int64_t i = 0; i < how.time_masks; ++i) {
    const std::int64_t width = std::min(up_to(how.time_width, random), end - begin);
    const std::int64_t from = begin + up_to(end - begin - width, random);
    for (std::int64_t bin = 0; bin < features.bins; ++bin) std::fill_n(out + bin * frames + from, width, 0.0F);
  }
  for (std::int64_t i = 0; i < how.frequency_masks; ++i) {
    const std::int64_t width = std::min(up_to(how.frequency_width, random), features.bins);
    const std::int64_t from = up_to(features.bins - width, random);
    std::fill_n(out + from * frames, width * frames, 0.0F);
  }
}

}  // namespace denseshift::data
