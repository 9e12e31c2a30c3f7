// Commands made of tones: nothing on disk. An utterance has three tones, one after the other, whose pitches stand for
// action, object and location. `tones` has 31 intents with as many values per slot as Fluent Speech Commands (6, 14,
// 4), and noise and a disturbing tone that make some utterances hard; `tones8` has 8 easy intents for smoke tests.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/speech.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kTonesRate = 16000;
constexpr std::int64_t kSamples = kTonesRate * 8 / 10;
/// Changes when recordings of the same seed change.
constexpr int kTonesVersion = 1;

/// How a set sounds.
struct Style {
  std::string name;
  SplitSizes sizes;
  double voice = 0.03;     ///< relative change of all pitches of an utterance, at most
  double wobble = 0;       ///< of each tone
  double stretch = 0;      ///< of each tone's duration
  double low_snr = 20;     ///< dB of the tones over the noise, between
  double high_snr = 20;    ///<   these
  double disturbance = 0;  ///< loudness of the disturbing tone, relative to the others, at most
};

std::vector<std::vector<std::string>> all_combinations() {
  std::vector<std::vector<std::string>> all;
  for (const char* object : {"none", "amber", "blue", "green", "red"}) all.push_back({"select", object, "none"});
  for (const char* action : {"start", "stop"}) {
    for (const char* object : {"lamp", "radio"}) all.push_back({action, object, "none"});
    for (const char* place : {"none", "attic", "cellar", "hall"}) all.push_back({action, "fan", place});
  }
  for (const char* action : {"raise", "lower"}) {
    all.push_back({action, "sound", "none"});
    for (const char* place : {"none", "attic", "cellar", "hall"}) all.push_back({action, "heat", place});
  }
  for (const char* object : {"book", "cup", "key", "map"}) all.push_back({"fetch", object, "none"});
  return all;
}

std::vector<std::vector<std::string>> eight_combinations() {
  std::vector<std::vector<std::string>> all;
  for (const char* action : {"start", "stop"}) {
    for (const char* object : {"fan", "lamp"}) {
      for (const char* place : {"attic", "hall"}) all.push_back({action, object, place});
    }
  }
  return all;
}

/// Adds a tone with a Hann-shaped envelope.
void add_tone(std::vector<float>& samples, double begin, double seconds, double hertz, double gain, double phase) {
  const auto from = static_cast<std::int64_t>(begin * kTonesRate);
  const auto count = static_cast<std::int64_t>(seconds * kTonesRate);
  for (std::int64_t i = 0; i < count && from + i < kSamples; ++i) {
    const double turn = static_cast<double>(i) / static_cast<double>(count);
    const double envelope = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * turn);
    const double angle = phase + 2 * std::numbers::pi * hertz * static_cast<double>(i) / kTonesRate;
    samples[static_cast<std::size_t>(from + i)] += static_cast<float>(gain * envelope * std::sin(angle));
  }
}

class Tones final : public SpeechDataset {
 public:
  Tones(Style style, std::vector<std::vector<std::string>> combinations, const DatasetOptions& options)
      : SpeechDataset(style.name, options, FrontEnd::at_rate(kTonesRate), LogMel({}).frames(kSamples)),
        style_(std::move(style)),
        seed_(options.seed) {
    if (options.train_size > 0) style_.sizes[0] = options.train_size;
    if (options.val_size > 0) style_.sizes[1] = style_.sizes[2] = options.val_size;
    set_content(Intents::from_combinations({"action", "object", "location"}, std::move(combinations)), style_.sizes,
                kSamples);
  }

  [[nodiscard]] std::int64_t label(Split, std::int64_t index) const override { return index % intents()->size(); }

  [[nodiscard]] std::vector<float> recording(Split split, std::int64_t index) const override {
    constexpr double kTone = 0.2;  // seconds
    RandomStream random(seed_, 0x70E5 + static_cast<std::uint64_t>(split), static_cast<std::uint64_t>(index));
    const auto phase = [&] { return random.uniform(0, 2 * std::numbers::pi); };
    std::vector<float> samples(kSamples);
    const double gain = random.uniform(0.2, 0.8);
    const double voice = 1 + random.uniform(-style_.voice, style_.voice);
    std::array<double, 3> seconds{};
    for (double& duration : seconds) duration = kTone * (1 + random.uniform(-style_.stretch, style_.stretch));
    const double room = static_cast<double>(kSamples) / kTonesRate - seconds[0] - seconds[1] - seconds[2];
    double begin = random.uniform(0, std::max(0.0, room));
    for (std::size_t slot = 0; slot < 3; ++slot) {
      const double wobble = 1 + random.uniform(-style_.wobble, style_.wobble);
      add_tone(samples, begin, seconds[slot], pitch(slot, label(split, index)) * voice * wobble, gain, phase());
      begin += seconds[slot];
    }
    if (style_.disturbance > 0) {
      const double hertz = 300 * std::pow(10.0, random.uniform());
      const double loudness = gain * random.uniform(0, style_.disturbance);
      add_tone(samples, random.uniform(0, 0.6), kTone, hertz, loudness, phase());
    }
    // Mean square of a tone: 1/2 for the sine, 3/8 for its envelope.
    const double snr = random.uniform(style_.low_snr, style_.high_snr);
    const double noise = gain * std::sqrt(3.0 / 16) * std::pow(10.0, -snr / 20);
    float peak = 0;
    for (float& sample : samples) {
      sample += static_cast<float>(noise * random.normal());
      peak = std::max(peak, std::abs(sample));
    }
    constexpr float kFullScale = 0.98F;  // what a file can hold
    for (float& sample : samples) sample *= std::min(1.0F, kFullScale / peak);
    return samples;
  }

  [[nodiscard]] nlohmann::ordered_json fingerprint() const override {
    nlohmann::ordered_json json = common_fingerprint();
    json["version"] = kTonesVersion;
    json["seed"] = seed_;
    Sha256 hash;
    for (const Split split : {Split::train, Split::val, Split::test}) {
      for (std::int64_t i = 0; i < 4; ++i) {
        // As bytes of a file, for the last bit of a sine differs between mathematical libraries.
        const std::string bytes = encode_wav(recording(split, i), kTonesRate);
        hash.update(bytes.data(), bytes.size());
      }
    }
    json["samples_sha256"] = hash.hex();
    return json;
  }

 private:
  /// Pitch of a slot's tone: the values of a slot divide the decade above 300 Hz evenly.
  [[nodiscard]] double pitch(std::size_t slot, std::int64_t intent) const {
    const auto value = static_cast<double>(intents()->intents[static_cast<std::size_t>(intent)][slot]);
    return 300 * std::pow(10.0, (value + 0.5) / static_cast<double>(intents()->values[slot].size()));
  }

  Style style_;
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<Dataset> open_tones(const DatasetOptions& options) {
  const Style style{"tones", {992, 310, 310}, 0.03, 0.02, 0.1, -5, 15, 0.7};
  return std::make_unique<Tones>(style, all_combinations(), options);
}

std::unique_ptr<Dataset> open_tones8(const DatasetOptions& options) {
  const Style style{"tones8", {160, 80, 80}};
  return std::make_unique<Tones>(style, eight_combinations(), options);
}

}  // namespace denseshift::data
