#pragma once
// Reading forwards through memory that may end at any byte.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace denseshift::io {

/// The first `count` (at most 8) bytes as a little-endian number. REQUIRES: bytes.size() >= count.
[[nodiscard]] inline std::uint64_t little_endian(std::string_view bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < count; ++k) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[k])) << (8 * k);
  }
  return value;
}

/// The bytes [offset, offset + size), or nothing when they are not all there.
[[nodiscard]] inline std::optional<std::string_view> slice(std::string_view bytes, std::uint64_t offset,
                                                           std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

}  // namespace denseshift::io
