#pragma once
// Colour for people: only on a terminal, never when NO_COLOR is set.

#include <string>
#include <string_view>

namespace denseshift::cli {

enum class Style { plain, bold, dim, red, green, yellow };

/// True when `descriptor` (1 stdout, 2 stderr) is a terminal that understands escapes and NO_COLOR is unset or empty.
[[nodiscard]] bool use_colour(int descriptor);

/// `text` wrapped in the escape of `style` when use_colour(descriptor), else unchanged.
[[nodiscard]] std::string styled(std::string_view text, Style style, int descriptor);

}  // namespace denseshift::cli
