// Free Spoken Digit Dataset: recordings/<digit>_<speaker>_<take>.wav at 8 kHz. By the set's own rule takes 0 to 4 are
// the test set. Of the others, take 5 is the validation set here, so that nothing is chosen by looking at the test set.
//
// Features are made at 8 kHz: resampled to 16 kHz the upper half of the band would be empty, and normalisation would
// turn its traces of noise into full-scale input.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/speech.h"
#include "core/util/csv.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kTestTakes = 5;
constexpr std::int64_t kValidationTake = 5;
constexpr std::int64_t kDigitsRate = 8000;
constexpr std::int64_t kFrames = 100;  // 1 s; 99 of 100 recordings are shorter

struct Name {
  std::int64_t digit = 0;
  std::string speaker;
  std::int64_t take = 0;
  auto operator<=>(const Name&) const = default;
};

/// A number without sign in all of `text`; -1 when it is none.
std::int64_t number(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && text.front() != '-' ? value : -1;
}

Name parse(const fs::path& file) {
  const std::string stem = file.stem().string();
  const std::size_t first = stem.find('_');
  const std::size_t last = stem.rfind('_');
  Name name;
  if (first != std::string::npos && last > first + 1 && last + 1 < stem.size() && first > 0) {
    name = {number(std::string_view(stem).substr(0, first)), stem.substr(first + 1, last - first - 1),
            number(std::string_view(stem).substr(last + 1))};
    if (name.digit >= 0 && name.digit <= 9 && name.take >= 0) return name;
  }
  throw input_error(one_line(file.string()) + ": the name is not <digit>_<speaker>_<take>.wav");
}

}  // namespace

std::unique_ptr<Dataset> open_fsdd(const DatasetOptions& options) {
  Recordings recordings;
  recordings.root = find_folder("fsdd", options, {".", "free-spoken-digit-dataset"}, {"recordings"});
  recordings.rate = kDigitsRate;
  recordings.frames = kFrames;
  std::vector<std::pair<Name, std::string>> files;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(recordings.root / "recordings")) {
      if (entry.path().extension() != ".wav") continue;
      files.emplace_back(parse(entry.path()), "recordings/" + entry.path().filename().string());
    }
  } catch (const fs::filesystem_error& error) {
    throw input_error("cannot read " + error.path1().string() + ": " + error.code().message());
  }
  std::sort(files.begin(), files.end());

  std::vector<std::vector<std::string>> digits;
  for (int digit = 0; digit < 10; ++digit) digits.push_back({std::to_string(digit)});
  recordings.intents = Intents::from_combinations({"digit"}, std::move(digits));
  for (auto& [name, file] : files) {
    const Split split = name.take < kTestTakes ? Split::test : name.take == kValidationTake ? Split::val : Split::train;
    recordings.splits[static_cast<std::size_t>(split)].push_back({std::move(file), name.digit});
  }
  for (const Split split : {Split::train, Split::val, Split::test}) {
    if (!recordings.splits[static_cast<std::size_t>(split)].empty()) continue;
    throw input_error(fmt::format("dataset fsdd: no {} recordings in {}", split_name(split),
                                  (recordings.root / "recordings").string()),
                      "takes 0 to 4 are the test set, take 5 is the validation set, later takes are for training");
  }
  return open_recordings("fsdd", options, std::move(recordings));
}

}  // namespace denseshift::data
