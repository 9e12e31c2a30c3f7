#pragma once
// The JSON header of a safetensors file. Separate from the file so that the parser can be tested on text alone.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace denseshift::io {

/// One tensor of a header: offsets count from the start of the data section.
struct HeaderEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  std::vector<HeaderEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Bytes that a shape of a dtype takes. Throws std::invalid_argument for a negative dimension, an unknown dtype or an
/// overflow.
[[nodiscard]] std::uint64_t tensor_bytes(const std::string& dtype, const std::vector<std::int64_t>& shape);

/// Parses and checks a header against a data section of `data_size` bytes. Throws std::invalid_argument that says what
/// is wrong. Work and memory are proportional to the text, whatever it nests or counts.
[[nodiscard]] Header parse_header(std::string_view text, std::uint64_t data_size);

/// The header's text for entries with offsets.
[[nodiscard]] std::string header_text(const Header& header);

}  // namespace denseshift::io
