#include "core/util/shell_line.h"

#include <algorithm>
#include <string_view>

namespace denseshift {
namespace {

bool needs_no_quotes(const std::string& word) {
  constexpr std::string_view kSafe = "-_=+,./:@%";
  return !word.empty() && std::all_of(word.begin(), word.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSafe.find(c) != std::string_view::npos;
  });
}

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += needs_no_quotes(word) ? word : quoted(word);
  }
  return line;
}

}  // namespace denseshift
