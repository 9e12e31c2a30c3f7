#pragma once
// Text as literal text of a format.

#include <string>

namespace denseshift::experiments {

/// For a line or a table cell of GitHub's Markdown.
[[nodiscard]] std::string escape_markdown(const std::string& text);

/// For LaTeX text (pdfLaTeX, LuaLaTeX or XeLaTeX). Signs that pdfLaTeX lacks in its text fonts become commands; letters
/// with accents stay; what is neither needs LuaLaTeX or XeLaTeX.
[[nodiscard]] std::string escape_latex(const std::string& text);

/// For HTML text and for attribute values in double quotes.
[[nodiscard]] std::string escape_html(const std::string& text);

}  // namespace denseshift::experiments
