#include "experiments/report/escape.h"

#include <string_view>
#include <utility>

namespace denseshift::experiments {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

// The first entry that begins at each position wins.
template <std::size_t N>
std::string replace_all(const std::string& text, const Replacement (&table)[N]) {
  std::string result;
  std::string_view rest = text;
  while (!rest.empty()) {
    const Replacement* found = nullptr;
    for (const Replacement& entry : table) {
      if (rest.starts_with(entry.first)) {
        found = &entry;
        break;
      }
    }
    result += found != nullptr ? found->second : rest.substr(0, 1);
    rest.remove_prefix(found != nullptr ? found->first.size() : 1);
  }
  return result;
}

}  // namespace

std::string escape_markdown(const std::string& text) {
  static constexpr Replacement kTable[] = {
      {"\\", "\\\\"}, {"`", "\\`"}, {"*", "\\*"}, {"_", "\\_"},   {"[", "\\["},  {"]", "\\]"},
      {"|", "\\|"},   {"~", "\\~"}, {"#", "\\#"}, {"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"},
  };
  return replace_all(text, kTable);
}

std::string escape_latex(const std::string& text) {
  static constexpr Replacement kTable[] = {
      {"\\", "\\textbackslash{}"},
      {"{", "\\{"},
      {"}", "\\}"},
      {"$", "\\$"},
      {"&", "\\&"},
      {"#", "\\#"},
      {"%", "\\%"},
      {"_", "\\_"},
      {"^", "\\textasciicircum{}"},
      {"~", "\\textasciitilde{}"},
      {"<", "\\textless{}"},
      {">", "\\textgreater{}"},
      {"|", "\\textbar{}"},
      {"\"", "''"},
      {"--", "-{}-"},  // options of commands; a dash would join them
      {"±", "$\\pm$"},
      {"×", "$\\times$"},
      {"·", "$\\cdot$"},
      {"−", "$-$"},
      {"≤", "$\\le$"},
      {"≥", "$\\ge$"},
      {"≈", "$\\approx$"},
      {"→", "$\\rightarrow$"},
      {"°", "$^\\circ$"},
      {"²", "$^2$"},
      {"µ", "$\\mu$"},
      {"μ", "$\\mu$"},
      {"α", "$\\alpha$"},
      {"β", "$\\beta$"},
      {"λ", "$\\lambda$"},
      {"σ", "$\\sigma$"},
      {"Δ", "$\\Delta$"},
      {"–", "--"},
      {"—", "---"},
      {"“", "``"},
      {"”", "''"},
      {"‘", "`"},
      {"’", "'"},
      {"…", "\\dots{}"},
  };
  return replace_all(text, kTable);
}

std::string escape_html(const std::string& text) {
  static constexpr Replacement kTable[] = {
      {"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"},
  };
  return replace_all(text, kTable);
}

}  // namespace denseshift::experiments
