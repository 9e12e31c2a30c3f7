#pragma once
// What a trained network hears in recordings that belong to no dataset.

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/audio/intents.h"
#include "experiments/run/trained_network.h"

namespace denseshift::experiments {

/// Weights, recordings, and changes of the stored configuration (resample, device, threads).
struct RecognitionRequest {
  WeightsReference weights;
  std::vector<std::string> files;
  TrainConfig config;  ///< holds the values of `overrides`
  std::vector<std::string> overrides;
};

/// One recording.
struct Recognized {
  std::string file;
  double seconds = 0;
  bool cut = false;                   ///< longer than the network's input: the end was not heard
  std::vector<double> probabilities;  ///< of each intent, summing to 1
  std::vector<std::int64_t> ranking;  ///< intents, most probable first
};

struct RecognitionResult {
  std::int64_t run = 0;    ///< whose weights; 0 for a file
  std::string checkpoint;  ///< the file read
  double longest = 0;      ///< seconds of a recording that are heard
  data::Intents intents;
  std::vector<Recognized> recordings;  ///< in the order of the request
};

/// Treats recordings as an evaluation does; network, intents and front end come from the checkpoint. All recordings are
/// read before the first is looked at. Throws input errors for recordings as read_recording() does, and for a
/// checkpoint of another task or without intents and front end.
[[nodiscard]] RecognitionResult recognize(const RecognitionRequest& request);

}  // namespace denseshift::experiments
