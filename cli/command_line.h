#pragma once
// The command line as the user typed it, for the record of a run.

#include <string>
#include <vector>

namespace denseshift::cli {

/// `words` as a line for a POSIX shell: words that need it are quoted, so that it can be pasted and run again.
[[nodiscard]] std::string shell_line(const std::vector<std::string>& words);

}  // namespace denseshift::cli
