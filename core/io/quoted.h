#pragma once
// Text of a foreign file inside a message of one line.

#include <cstddef>
#include <string>
#include <string_view>

namespace denseshift::io {

/// The text in single quotes, cut after 80 bytes, control characters replaced.
[[nodiscard]] inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string result = "'";
  for (const char c : text.substr(0, kLongest)) result += c >= ' ' && c != 127 ? c : '?';
  return result + (text.size() > kLongest ? "...'" : "'");
}

}  // namespace denseshift::io
