#pragma once
// Features of a recording as input of the network: a fixed number of frames, with or without random changes.

#include <cstdint>

#include "core/data/audio/log_mel.h"
#include "core/util/rng.h"

namespace denseshift::data {

/// Random changes of training samples: a shift in time, and rectangles that are hidden (SpecAugment, Park et al. 2019).
struct SpeechAugmentation {
  std::int64_t shift = 10;  ///< frames, either way
  std::int64_t time_masks = 2;
  std::int64_t time_width = 40;  ///< frames; widths are uniform from 0 to this
  std::int64_t frequency_masks = 2;
  std::int64_t frequency_width = 8;  ///< bins

  /// That of a network input of so many frames: time masks of at most a tenth of it (40 of 400), the rest as above.
  [[nodiscard]] static SpeechAugmentation for_frames(std::int64_t frames);
};

/// Writes bins x frames values: column t is frame `first` + t of the features, 0 where there is none. 0 is the mean of
/// normalised features.
void place(const Features& features, std::int64_t first, std::int64_t frames, float* out);

/// Writes bins x frames values: a random part of features that are longer, a random shift, then masks of zeros. Time
/// masks lie where the recording is, so that padding does not swallow them.
void augment(const Features& features, const SpeechAugmentation& how, std::int64_t frames, RandomStream& random,
             float* out);

}  // namespace denseshift::data
