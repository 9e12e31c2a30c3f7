#include "cli/terminal/colour.h"

#include <unistd.h>

#include <cstdlib>

namespace denseshift::cli {
namespace {

const char* escape(Style style) {
  switch (style) {
    case Style::bold:
      return "\033[1m";
    case Style::dim:
      return "\033[2m";
    case Style::red:
      return "\033[31m";
    case Style::green:
      return "\033[32m";
    case Style::yellow:
      return "\033[33m";
    case Style::plain:
      break;
  }
  return "";
}

}  // namespace

bool use_colour(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");
  if (refused != nullptr && *refused != '\0') return false;
  const char* terminal = std::getenv("TERM");
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return isatty(descriptor) == 1;
}

std::string styled(std::string_view text, Style style, int descriptor) {
  if (style == Style::plain || !use_colour(descriptor)) return std::string(text);
  return escape(style) + std::string(text) + "\033[0m";
}

}  // namespace denseshift::cli
