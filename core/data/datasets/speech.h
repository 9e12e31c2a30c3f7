#pragma once
// What the speech datasets have in common: recordings with an intent each, as log-mel features of a fixed length.
//
// A sample has one channel, a row for each mel bin and a column for each frame. Training samples have the same number
// of frames: longer recordings are cut, shorter ones padded with zeros behind, after normalisation. Samples of the
// other splits are as long as the longest recording of these splits, but not shorter than in training and not longer
// than one and a half times that, so that they do not depend on the batch that they are in.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/data/audio/augment.h"
#include "core/data/audio/feature_cache.h"
#include "core/data/audio/intents.h"
#include "core/data/audio/log_mel.h"
#include "core/data/audio/recording.h"
#include "core/data/dataset.h"

namespace denseshift::data {

/// Numbers of samples in train, val and test.
using SplitSizes = std::array<std::int64_t, 3>;

/// A dataset of the task "speech".
class SpeechDataset : public Dataset {
 public:
  [[nodiscard]] const DatasetInfo& info() const final { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const final { return sizes_[static_cast<std::size_t>(split)]; }
  [[nodiscard]] const Intents* intents() const final { return &intents_; }
  void load_sample(Split split, std::int64_t index, bool augment, RandomStream& random, Sample& out) const final;
  void verify(Split split, std::int64_t index) const final { (void)recording(split, index); }
  /// Throws a usage error: there are no pictures.
  std::int64_t pixels(Split split, std::int64_t index, Image& out) const final;

  /// The samples of a recording at front_end().rate. Throws an input error naming the file, and its row in a table.
  [[nodiscard]] virtual std::vector<float> recording(Split split, std::int64_t index) const = 0;
  [[nodiscard]] virtual std::int64_t label(Split split, std::int64_t index) const = 0;

  [[nodiscard]] const FrontEnd& front_end() const { return log_mel_.front_end(); }
  /// Frames of a training sample, or of one of another split.
  [[nodiscard]] std::int64_t frames(Split split) const { return split == Split::train ? train_frames_ : eval_frames_; }

 protected:
  /// `frames` is the length of training samples unless the options ask for another one. Throws a usage error when that
  /// is below 32 or above 6000.
  SpeechDataset(const std::string& name, const DatasetOptions& options, const FrontEnd& front_end, std::int64_t frames);

  /// To be called by the constructor of a derived class: classes, sizes and the longest recording outside train, in
  /// samples.
  void set_content(Intents intents, const SplitSizes& sizes, std::int64_t longest);

  /// Normalised features of a recording.
  [[nodiscard]] virtual Features features(Split split, std::int64_t index) const;
  [[nodiscard]] const LogMel& log_mel() const { return log_mel_; }
  /// Name, classes, front end, lengths and sizes; derived classes add what identifies the recordings.
  [[nodiscard]] nlohmann::ordered_json common_fingerprint() const;

 private:
  DatasetInfo info_;
  LogMel log_mel_;
  Intents intents_;
  SplitSizes sizes_{};
  std::int64_t train_frames_ = 0;
  std::int64_t eval_frames_ = 0;
  SpeechAugmentation augmentation_;
  std::unique_ptr<FeatureStore> store_;
};

/// A recording on disk.
struct Utterance {
  std::string file;        ///< relative to the folder of the dataset
  std::int64_t label = 0;  ///< intent
  std::string where{};     ///< of a table: its file and row, for messages
};

/// Recordings in files.
struct Recordings {
  std::filesystem::path root;
  Intents intents;
  std::array<std::vector<Utterance>, 3> splits;  ///< train, val, test
  std::int64_t rate = 16000;                     ///< of the recordings
  std::int64_t frames = 400;                     ///< of a training sample unless the options say otherwise
  nlohmann::ordered_json fingerprint;            ///< what identifies the set beside names and samples
};

/// A dataset of files. Throws an input error for a file that is not there, naming it and its row.
[[nodiscard]] std::unique_ptr<Dataset> open_recordings(const std::string& name, const DatasetOptions& options,
                                                       Recordings recordings);

/// Seconds that a recording must and may last.
inline constexpr double kShortestUtterance = 0.025;
inline constexpr double kLongestUtterance = 60;

/// Normalised features of one recording, as the dataset of that front end makes them. Throws as read_recording() does.
[[nodiscard]] Features utterance_features(const std::filesystem::path& path, const LogMel& log_mel, bool resample);

}  // namespace denseshift::data
