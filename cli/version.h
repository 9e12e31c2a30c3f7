#pragma once
// What this program is and what it was built from.

#include <string>

namespace denseshift::cli {

/// "0.1.0".
[[nodiscard]] std::string program_version();
/// Abbreviated commit, "-dirty" appended when tracked files differed from it; "unknown" outside a git checkout.
[[nodiscard]] std::string source_revision();
/// "1.13" of the LibTorch that the module was built with; empty when built without.
[[nodiscard]] std::string built_torch_version();
/// Version of the SQLite library in use.
[[nodiscard]] std::string sqlite_version();
/// The text of --version: program, revision, compiler, LibTorch, SQLite, CPU.
[[nodiscard]] std::string version_text();

}  // namespace denseshift::cli
