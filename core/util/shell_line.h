#pragma once
// Command lines as text: for the record of a run, and for people to paste.

#include <string>
#include <vector>

namespace denseshift {

/// `words` as a line for a POSIX shell: words that need it are quoted, so that it can be pasted and run again.
[[nodiscard]] std::string shell_line(const std::vector<std::string>& words);

}  // namespace denseshift
