#pragma once
// Reads mono WAV and FLAC recordings.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace denseshift::data {

/// What a recording must be like.
struct RecordingRule {
  std::int64_t rate = 16000;     ///< samples per second
  bool resample = false;         ///< convert recordings of another rate; otherwise they are an error
  double shortest_seconds = 0;   ///< shorter ones are an error; an empty one always is
  double longest_seconds = 120;  ///< longer ones are an error, found before memory is taken
};

/// Largest file that is read, in bytes.
inline constexpr std::size_t kLargestRecording = std::size_t{256} << 20;

/// Decodes the bytes of a WAV or FLAC file. Samples lie in [-1, 1); those of integer formats are divided by their full
/// scale. Throws an input error of one line that begins with `name` when the content is no such file, not mono, of
/// another rate, empty, shorter or longer than the rule allows, cut off, or holds samples that are not finite.
[[nodiscard]] std::vector<float> decode_recording(std::string_view content, const std::string& name,
                                                  const RecordingRule& rule);

/// The same for a file. Throws also when the file cannot be read.
[[nodiscard]] std::vector<float> read_recording(const std::filesystem::path& path, const RecordingRule& rule);

/// Samples that a recording has, or will have at another rate, from its header alone; 0 when that cannot be told.
[[nodiscard]] std::int64_t recording_length(const std::filesystem::path& path, std::int64_t rate);

/// A mono 16-bit WAV file of samples in [-1, 1]; larger ones are clipped.
[[nodiscard]] std::string encode_wav(const std::vector<float>& samples, std::int64_t rate);

/// Samples at `to` per second of samples at `from` per second (band-limited sinc interpolation of libsamplerate).
[[nodiscard]] std::vector<float> resample(const std::vector<float>& samples, std::int64_t from, std::int64_t to);

}  // namespace denseshift::data
