#include "core/data/audio/recording.h"

#include <fmt/format.h>
#include <samplerate.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>

#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kLowestRate = 1000;
constexpr std::int64_t kHighestRate = 768000;

/// A file in memory, as libsndfile's callbacks see it.
struct MemoryFile {
  std::string_view content;
  sf_count_t position = 0;
};

sf_count_t memory_size(void* user) { return std::ssize(static_cast<MemoryFile*>(user)->content); }

sf_count_t memory_seek(sf_count_t offset, int whence, void* user) {
  auto& file = *static_cast<MemoryFile*>(user);
  const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.position : memory_size(user);
  // Offsets come from the file's own headers.
  sf_count_t wanted = 0;
  if (__builtin_add_overflow(base, offset, &wanted) || wanted < 0) return -1;
  file.position = std::min(wanted, memory_size(user));
  return file.position;
}

sf_count_t memory_read(void* to, sf_count_t count, void* user) {
  auto& file = *static_cast<MemoryFile*>(user);
  count = std::clamp<sf_count_t>(count, 0, memory_size(user) - file.position);
  std::memcpy(to, file.content.data() + file.position, static_cast<std::size_t>(count));
  file.position += count;
  return count;
}

sf_count_t memory_write(const void*, sf_count_t, void*) { return 0; }
sf_count_t memory_tell(void* user) { return static_cast<MemoryFile*>(user)->position; }

std::uint32_t little_endian(std::string_view bytes, std::size_t at, int count) {
  std::uint32_t value = 0;
  for (int i = count - 1; i >= 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  }
  return value;
}

/// libsndfile takes a WAV file that was cut off for a shorter one; its headers tell.
void check_wav_is_whole(std::string_view content, const std::string& name) {
  constexpr std::uint32_t kUnknown = 0xFFFFFFFF;  // what programs write that could not seek back
  std::size_t at = 12;
  while (at + 8 <= content.size()) {
    const std::uint32_t size = little_endian(content, at + 4, 4);
    const std::size_t left = content.size() - at - 8;
    if (content.substr(at, 4) == "data") {
      if (size != kUnknown && size > left) {
        throw input_error(
            fmt::format("{}: truncated: the header announces {} bytes of audio, the file has {}", name, size, left));
      }
      return;
    }
    if (size >= left) break;
    at += 8 + size + size % 2;
  }
  throw input_error(name + ": truncated: no audio in this WAV file");
}

struct CloseFile {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

std::string seconds_of(std::int64_t samples, std::int64_t rate) {
  return fmt::format("{:.3g} s", static_cast<double>(samples) / static_cast<double>(rate));
}

void check_format(const SF_INFO& info, const std::string& name, const RecordingRule& rule) {
  if (info.channels != 1) {
    throw input_error(fmt::format("{}: {} channels, expected a mono recording", name, info.channels),
                      "convert it to one channel");
  }
  if (info.samplerate < kLowestRate || info.samplerate > kHighestRate) {
    throw input_error(fmt::format("{}: a sample rate of {} Hz is not plausible", name, info.samplerate));
  }
  if (info.samplerate != rule.rate && !rule.resample) {
    throw input_error(fmt::format("{}: sample rate {} Hz, expected {} Hz", name, info.samplerate, rule.rate),
                      "convert the recordings, or ask for resampling");
  }
  if (info.frames <= 0) throw input_error(name + ": the recording is empty");
  const double seconds = static_cast<double>(info.frames) / info.samplerate;
  if (seconds > rule.longest_seconds) {
    throw input_error(
        fmt::format("{}: {:.4g} s long, at most {:.4g} s are accepted", name, seconds, rule.longest_seconds));
  }
}

}  // namespace

std::vector<float> decode_recording(std::string_view content, const std::string& name, const RecordingRule& rule) {
  if (content.empty()) throw input_error(name + ": the file is empty");
  const bool wav = content.size() >= 12 && content.substr(0, 4) == "RIFF" && content.substr(8, 4) == "WAVE";
  const bool flac = content.substr(0, 4) == "fLaC";
  if (!wav && !flac) throw input_error(name + ": not a WAV or FLAC file");
  if (wav) check_wav_is_whole(content, name);

  MemoryFile memory{content};
  SF_VIRTUAL_IO callbacks{memory_size, memory_seek, memory_read, memory_write, memory_tell};
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, CloseFile> file(sf_open_virtual(&callbacks, SFM_READ, &info, &memory));
  if (!file) throw input_error(name + ": cannot decode: " + sf_strerror(nullptr));
  check_format(info, name, rule);

  std::vector<float> samples(static_cast<std::size_t>(info.frames));
  const sf_count_t read = sf_readf_float(file.get(), samples.data(), info.frames);
  if (read != info.frames) {
    throw input_error(fmt::format("{}: truncated: {} of {} samples can be read", name, read, info.frames));
  }
  if (!std::all_of(samples.begin(), samples.end(), [](float value) { return std::isfinite(value); })) {
    throw input_error(name + ": holds samples that are not finite numbers");
  }
  if (info.samplerate != rule.rate) samples = resample(samples, info.samplerate, rule.rate);
  if (samples.empty() || static_cast<double>(samples.size()) < rule.shortest_seconds * static_cast<double>(rule.rate)) {
    throw input_error(fmt::format("{}: {} is too short, at least {:.3g} s are needed", name,
                                  seconds_of(std::ssize(samples), rule.rate), rule.shortest_seconds));
  }
  return samples;
}

std::vector<float> read_recording(const std::filesystem::path& path, const RecordingRule& rule) {
  return decode_recording(read_file(path, kLargestRecording), path.string(), rule);
}

std::int64_t recording_length(const std::filesystem::path& path, std::int64_t rate) {
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, CloseFile> file(sf_open(path.c_str(), SFM_READ, &info));
  if (!file || info.frames < 0 || info.samplerate < kLowestRate || info.frames > std::int64_t{1} << 40) return 0;
  return info.frames * rate / info.samplerate;
}

std::string encode_wav(const std::vector<float>& samples, std::int64_t rate) {
  std::string bytes;
  const auto put = [&](std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 255U));
  };
  const std::uint64_t size = samples.size() * 2;
  bytes.reserve(44 + size);
  bytes += "RIFF";
  put(36 + size, 4);
  bytes += "WAVEfmt ";
  put(16, 4);
  put(1, 2);  // integers
  put(1, 2);  // one channel
  put(static_cast<std::uint64_t>(rate), 4);
  put(static_cast<std::uint64_t>(rate) * 2, 4);
  put(2, 2);
  put(16, 2);
  bytes += "data";
  put(size, 4);
  for (const float sample : samples) {
    const long level = std::lround(std::clamp(sample, -1.0F, 1.0F) * 32768.0F);
    put(static_cast<std::uint64_t>(std::clamp(level, -32768L, 32767L)), 2);
  }
  return bytes;
}

std::vector<float> resample(const std::vector<float>& samples, std::int64_t from, std::int64_t to) {
  if (from == to || samples.empty()) return samples;
  const double ratio = static_cast<double>(to) / static_cast<double>(from);
  std::vector<float> out(static_cast<std::size_t>(std::llround(static_cast<double>(samples.size()) * ratio)) + 16);
  SRC_DATA data{};
  data.data_in = samples.data();
  data.input_frames = std::ssize(samples);
  data.data_out = out.data();
  data.output_frames = std::ssize(out);
  data.src_ratio = ratio;
  if (const int code = src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1); code != 0) {
    throw input_error(fmt::format("cannot resample from {} to {} Hz: {}", from, to, src_strerror(code)));
  }
  out.resize(static_cast<std::size_t>(data.output_frames_gen));
  return out;
}

}  // namespace denseshift::data
