#include "core/data/datasets/speech.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/data/datasets/builtin.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kFewestFrames = 32;  // a residual network divides by 32
constexpr std::int64_t kMostFrames = 6000;
constexpr std::array<Split, 3> kSplits{Split::train, Split::val, Split::test};

std::int64_t checked_frames(std::int64_t frames, std::int64_t otherwise) {
  if (frames == 0) return otherwise;
  if (frames < kFewestFrames || frames > kMostFrames) {
    throw usage_error(fmt::format("a length of {} frames is out of range", frames),
                      fmt::format("use {} to {} frames of 10 ms", kFewestFrames, kMostFrames));
  }
  return frames;
}

/// What recordings of a dataset must be like.
RecordingRule rule_of(const FrontEnd& front_end, bool resample) {
  return {front_end.rate, resample, kShortestUtterance, kLongestUtterance};
}

Features normalised_features(const LogMel& log_mel, const std::vector<float>& samples) {
  Features features = log_mel.compute(samples);
  normalise(features);
  return features;
}

std::string prefix(const Utterance& utterance) {
  return utterance.where.empty() ? std::string() : utterance.where + ": ";
}

/// Adds the row of the table to what goes wrong with a file.
template <class Action>
auto with_row(const Utterance& utterance, Action action) {
  try {
    return action();
  } catch (const Error& error) {
    if (utterance.where.empty()) throw;
    throw Error(error.kind(), prefix(utterance) + error.what(), error.hint());
  }
}

class RecordedSpeech final : public SpeechDataset {
 public:
  RecordedSpeech(const std::string& name, const DatasetOptions& options, Recordings recordings)
      : SpeechDataset(name, options, FrontEnd::at_rate(recordings.rate), recordings.frames),
        root_(std::move(recordings.root)),
        splits_(std::move(recordings.splits)),
        identity_(std::move(recordings.fingerprint)),
        resample_(options.resample) {
    if (!options.feature_cache.empty()) cache_ = std::make_unique<FeatureCache>(options.feature_cache);
    SplitSizes sizes{};
    std::int64_t longest = 0;
    for (const Split split : kSplits) {
      const std::vector<Utterance>& utterances = of(split);
      sizes[static_cast<std::size_t>(split)] = std::ssize(utterances);
      for (const Utterance& utterance : utterances) {
        const fs::path file = root_ / utterance.file;
        std::error_code code;
        if (!fs::is_regular_file(file, code)) {
          throw input_error(prefix(utterance) + file.string() +
                            (fs::exists(file, code) ? ": not a file" : ": no such file"));
        }
        if (split != Split::train) longest = std::max(longest, recording_length(file, recordings.rate));
      }
    }
    set_content(std::move(recordings.intents), sizes, longest);
  }

  [[nodiscard]] std::int64_t label(Split split, std::int64_t index) const override {
    return utterance(split, index).label;
  }

  [[nodiscard]] std::vector<float> recording(Split split, std::int64_t index) const override {
    const Utterance& utterance = this->utterance(split, index);
    return with_row(utterance, [&] { return decode(utterance, content(utterance)); });
  }

  [[nodiscard]] nlohmann::ordered_json fingerprint() const override {
    nlohmann::ordered_json json = common_fingerprint();
    if (identity_.is_object()) json.update(identity_);
    Sha256 names;
    Sha256 samples;
    for (const Split split : kSplits) {
      const std::vector<Utterance>& utterances = of(split);
      const std::size_t step = std::max<std::size_t>(1, utterances.size() / 8);
      for (std::size_t i = 0; i < utterances.size(); ++i) {
        names.update(utterances[i].file.c_str(), utterances[i].file.size() + 1);
        if (i % step != 0) continue;
        const std::string bytes = with_row(utterances[i], [&] { return content(utterances[i]); });
        samples.update(bytes.data(), bytes.size());
      }
    }
    json["names_sha256"] = names.hex();
    json["samples_sha256"] = samples.hex();
    return json;
  }

 protected:
  [[nodiscard]] Features features(Split split, std::int64_t index) const override {
    const Utterance& utterance = this->utterance(split, index);
    return with_row(utterance, [&] {
      const std::string bytes = content(utterance);
      if (!cache_) return normalised_features(log_mel(), decode(utterance, bytes));
      const std::string key = FeatureCache::key(bytes, front_end(), resample_);
      if (std::optional<Features> known = cache_->find(key); known && known->bins == front_end().bins) return *known;
      Features made = normalised_features(log_mel(), decode(utterance, bytes));
      cache_->store(key, made);
      return made;
    });
  }

 private:
  [[nodiscard]] const std::vector<Utterance>& of(Split split) const { return splits_[static_cast<std::size_t>(split)]; }
  [[nodiscard]] const Utterance& utterance(Split split, std::int64_t index) const {
    return of(split).at(static_cast<std::size_t>(index));
  }
  [[nodiscard]] std::string content(const Utterance& utterance) const {
    return read_file(root_ / utterance.file, kLargestRecording);
  }
  [[nodiscard]] std::vector<float> decode(const Utterance& utterance, const std::string& bytes) const {
    return decode_recording(bytes, (root_ / utterance.file).string(), rule_of(front_end(), resample_));
  }

  fs::path root_;
  std::array<std::vector<Utterance>, 3> splits_;
  nlohmann::ordered_json identity_;
  bool resample_;
  std::unique_ptr<FeatureCache> cache_;
};

}  // namespace

SpeechDataset::SpeechDataset(const std::string& name, const DatasetOptions& options, const FrontEnd& front_end,
                             std::int64_t frames)
    : log_mel_(front_end), train_frames_(checked_frames(options.image_size, frames)), eval_frames_(train_frames_) {
  info_.name = name;
  info_.task = "speech";
  info_.channels = 1;
  info_.image_size = train_frames_;
  info_.fixed_size = false;
  augmentation_ = SpeechAugmentation::for_frames(train_frames_);
}

void SpeechDataset::set_content(Intents intents, const SplitSizes& sizes, std::int64_t longest) {
  intents_ = std::move(intents);
  info_.classes = intents_.size();
  for (std::int64_t i = 0; i < intents_.size(); ++i) info_.class_names.push_back(intents_.name(i));
  sizes_ = sizes;
  eval_frames_ = std::clamp(log_mel_.frames(longest), train_frames_, train_frames_ * 3 / 2);
  store_ = std::make_unique<FeatureStore>(sizes[0] + sizes[1] + sizes[2]);
}

Features SpeechDataset::features(Split split, std::int64_t index) const {
  return normalised_features(log_mel_, recording(split, index));
}

void SpeechDataset::load_sample(Split split, std::int64_t index, bool augment, RandomStream& random,
                                Sample& out) const {
  std::int64_t position = index;
  for (std::size_t before = 0; before < static_cast<std::size_t>(split); ++before) position += sizes_[before];
  const auto known = store_->get(position, [&] { return features(split, index); });
  const std::int64_t length = frames(split);
  out.values.resize(static_cast<std::size_t>(known->bins * length));
  if (augment) {
    data::augment(*known, augmentation_, length, random, out.values.data());
  } else {
    place(*known, 0, length, out.values.data());
  }
  out.info = {};
  out.info.index = out.info.image = index;
  out.info.height = out.info.original_height = known->bins;
  out.info.width = length;
  out.info.original_width = known->frames;
  out.info.label = label(split, index);
}

std::int64_t SpeechDataset::pixels(Split, std::int64_t, Image&) const {
  throw usage_error("dataset " + info_.name + " holds recordings, not pictures");
}

nlohmann::ordered_json SpeechDataset::common_fingerprint() const {
  nlohmann::ordered_json json;
  json["name"] = info_.name;
  json["classes"] = info_.classes;
  json["front_end"] = front_end().key();
  json["frames"] = {train_frames_, eval_frames_};
  for (const Split split : kSplits) json[split_name(split)] = size(split);
  return json;
}

std::unique_ptr<Dataset> open_recordings(const std::string& name, const DatasetOptions& options,
                                         Recordings recordings) {
  return std::make_unique<RecordedSpeech>(name, options, std::move(recordings));
}

Features utterance_features(const fs::path& path, const LogMel& log_mel, bool resample) {
  return normalised_features(log_mel, read_recording(path, rule_of(log_mel.front_end(), resample)));
}

}  // namespace denseshift::data
