#pragma once
// Small files and what can be wrong with a WAV file.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace denseshift::testing {

inline std::string read_text(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Overwrites a little-endian number in a file.
inline void patch_file(const std::string& file, std::int64_t position, std::uint64_t value, int bytes) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(position);
  for (int i = 0; i < bytes; ++i) out.put(static_cast<char>(value >> (8 * i) & 255U));
  if (!out.flush()) throw std::runtime_error("cannot change " + file);
}

/// Another sample rate in the header of a mono 16-bit WAV file.
inline void set_wav_rate(const std::string& file, std::uint64_t rate) {
  patch_file(file, 24, rate, 4);
  patch_file(file, 28, 2 * rate, 4);
}

/// Two channels in the header of a mono 16-bit WAV file.
inline void set_wav_stereo(const std::string& file) {
  patch_file(file, 22, 2, 2);
  patch_file(file, 32, 4, 2);
}

}  // namespace denseshift::testing
