#pragma once
// Nearest right spelling for a wrong one.

#include <string>
#include <string_view>
#include <vector>

namespace denseshift {

/// Optimal-string-alignment distance: insertions, deletions, substitutions and swaps of neighbours, each costing 1.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word` when it is near enough to be meant (distance at most a third of the longer length,
/// at least 1, or one is a prefix of the other), else an empty string.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "did you mean NAME?" when something is near, else "one of: a, b, c" for the user's next try.
[[nodiscard]] std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace denseshift
