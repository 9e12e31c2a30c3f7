#include "core/data/audio/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/util/atomic_file.h"
#include "core/util/rng.h"
#include "tests/core/data/support.h"

namespace denseshift::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<float> loud_sine(double hertz, std::int64_t rate, std::int64_t count) {
  std::vector<float> samples;
  for (std::int64_t i = 0; i < count; ++i) {
    const double turn = hertz * static_cast<double>(i) / static_cast<double>(rate);
    samples.push_back(static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * turn)));
  }
  return samples;
}

/// Writes a file with libsndfile and returns its bytes.
std::string written(int format, int rate, int channels, const std::vector<float>& samples) {
  const TemporaryFolder folder("recording");
  const std::string path = (folder / "x").string();
  SF_INFO info{};
  info.format = format;
  info.samplerate = rate;
  info.channels = channels;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  if (file == nullptr) throw std::runtime_error(sf_strerror(nullptr));
  sf_write_float(file, samples.data(), std::ssize(samples));
  sf_close(file);
  return read_file(path);
}

std::string error_for(const std::string& content, const RecordingRule& rule = {}) {
  return error_of([&] { (void)decode_recording(content, "a/b.wav", rule); });
}

TEST(Recording, WavAndFlacOfSeveralDepthsReadBack) {
  const std::vector<float> samples = loud_sine(440, 16000, 3000);
  const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16,  SF_FORMAT_WAV | SF_FORMAT_PCM_24,
                         SF_FORMAT_WAV | SF_FORMAT_FLOAT,   SF_FORMAT_WAVEX | SF_FORMAT_PCM_16,
                         SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_24};
  for (const int format : formats) {
    const std::vector<float> read = decode_recording(written(format, 16000, 1, samples), "x", {});
    ASSERT_EQ(read.size(), samples.size());
    for (std::size_t i = 0; i < read.size(); ++i) ASSERT_NEAR(read[i], samples[i], 1.0 / 32768) << format;
  }
}

TEST(Recording, IntegersAreDividedByFullScale) {
  const std::string wav = encode_wav({0.0F, 1.0F / 32768, -1.0F, 2.0F, -2.0F, 0.5F}, 16000);
  EXPECT_THAT(decode_recording(wav, "x", {}),
              ::testing::ElementsAre(0.0F, 1.0F / 32768, -1.0F, 32767.0F / 32768, -1.0F, 0.5F));
}

TEST(Recording, OurWavIsThatOfLibsndfile) {
  const std::vector<float> samples = decode_recording(encode_wav(loud_sine(300, 8000, 999), 8000), "x", {.rate = 8000});
  EXPECT_EQ(encode_wav(samples, 8000), written(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, samples));
}

TEST(Recording, WrongFormsAreErrorsOfOneLine) {
  const std::vector<float> samples = loud_sine(440, 16000, 4000);
  const int wav = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  EXPECT_THAT(error_for(written(wav, 16000, 2, samples)), HasSubstr("a/b.wav: 2 channels, expected a mono recording"));
  EXPECT_THAT(error_for(written(wav, 8000, 1, samples)), HasSubstr("a/b.wav: sample rate 8000 Hz, expected 16000 Hz"));
  EXPECT_THAT(error_for(written(wav, 16000, 1, {})), HasSubstr("a/b.wav: the recording is empty"));
  EXPECT_THAT(error_for(""), HasSubstr("a/b.wav: the file is empty"));
  EXPECT_THAT(error_for("RIFF"), HasSubstr("a/b.wav: not a WAV or FLAC file"));
  EXPECT_THAT(error_for(written(SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16000, 1, samples)), HasSubstr("not a WAV or FLAC"));
  EXPECT_THAT(error_for(written(wav, 16000, 1, samples), {.shortest_seconds = 1}), HasSubstr("is too short"));
  EXPECT_THAT(error_for(written(wav, 16000, 1, samples), {.longest_seconds = 0.1}),
              HasSubstr("0.25 s long, at most 0.1 s are accepted"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_for(written(SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 1, {0.0F, nan, 0.0F})),
              HasSubstr("not finite numbers"));
}

TEST(Recording, FilesThatWereCutOffAreErrors) {
  const std::vector<float> samples = loud_sine(440, 16000, 4000);
  const std::string wav = encode_wav(samples, 16000);
  EXPECT_THAT(error_for(wav.substr(0, wav.size() - 2)),
              HasSubstr("truncated: the header announces 8000 bytes of audio, the file has 7998"));
  const std::string flac = written(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, samples);
  for (const std::string& whole : {wav, flac}) {
    ASSERT_EQ(decode_recording(whole, "x", {}).size(), 4000U);
    for (std::size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 97) {
      const std::string message = error_for(whole.substr(0, size));
      EXPECT_THAT(message, AllOf(HasSubstr("a/b.wav: "), Not(HasSubstr("\n")))) << "of " << size << " bytes";
    }
  }
}

TEST(Recording, AbsurdHeadersTakeNoMemory) {
  std::string wav = encode_wav(loud_sine(440, 16000, 4000), 16000);
  for (const std::size_t at : {40, 41, 42, 43}) wav[at] = '\xF0';  // audio of 4 GB, in 8 kB
  EXPECT_THAT(error_for(wav), HasSubstr("truncated"));
  // A FLAC header that announces 2^36 - 1 samples: the last 36 bits before the checksum.
  std::string flac = written(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, loud_sine(440, 16000, 4000));
  flac[21] = static_cast<char>(static_cast<unsigned char>(flac[21]) | 0x0FU);
  for (const std::size_t at : {22, 23, 24, 25}) flac[at] = '\xFF';
  EXPECT_THAT(error_for(flac), HasSubstr("s long, at most 120 s are accepted"));
}

TEST(Recording, DamagedFilesNeverCrash) {
  const std::vector<float> samples = loud_sine(440, 16000, 2000);
  const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAVEX | SF_FORMAT_PCM_24,
                         SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
  int errors = 0;
  for (const int format : formats) {
    const std::string whole = written(format, 16000, 1, samples);
    for (std::uint64_t i = 0; i < 400; ++i) {
      RandomStream random(5, static_cast<std::uint64_t>(format), i);
      std::string broken = whole;
      const std::uint64_t where = i % 2 == 0 ? std::min<std::uint64_t>(100, whole.size()) : whole.size();
      for (int change = 0; change < 3; ++change) broken[random.below(where)] = static_cast<char>(random.below(256));
      const std::string message = error_for(broken, {.rate = 16000, .resample = true});
      EXPECT_THAT(message, Not(HasSubstr("\n")));
      errors += message.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(errors, 400) << "headers were hit";
}

TEST(Recording, ResamplingKeepsPitchAndLoudnessAndIsAskedFor) {
  const std::string wav = encode_wav(loud_sine(1000, 8000, 8000), 8000);
  const std::vector<float> read = decode_recording(wav, "x", {.rate = 16000, .resample = true});
  ASSERT_NEAR(static_cast<double>(read.size()), 16000, 8);
  const std::vector<float> expected = loud_sine(1000, 16000, 16000);
  for (std::size_t i = 1000; i < 15000; ++i) ASSERT_NEAR(read[i], expected[i], 2e-3) << i;
  // What the lower rate cannot hold is gone.
  const std::vector<float> low = resample(loud_sine(6000, 16000, 16000), 16000, 8000);
  for (std::size_t i = 500; i < 7500; ++i) ASSERT_NEAR(low[i], 0, 2e-3);
}

TEST(Recording, LengthIsToldFromTheHeader) {
  const TemporaryFolder folder("recording");
  write_file(folder / "a.wav", encode_wav(std::vector<float>(4000), 8000));
  write_file(folder / "b.wav", "RIFF, but nothing else");
  EXPECT_EQ(recording_length(folder / "a.wav", 8000), 4000);
  EXPECT_EQ(recording_length(folder / "a.wav", 16000), 8000);
  EXPECT_EQ(recording_length(folder / "b.wav", 8000), 0);
  EXPECT_EQ(recording_length(folder / "c.wav", 8000), 0);
  EXPECT_THAT(error_of([&] { (void)read_recording(folder / "c.wav", {}); }), HasSubstr("c.wav: No such file"));
  EXPECT_THAT(error_of([&] { (void)read_recording(folder.path(), {}); }), HasSubstr("is a directory"));
}

}  // namespace
}  // namespace denseshift::data
