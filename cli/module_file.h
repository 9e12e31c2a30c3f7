#pragma once
// Where the parts of the program are that are opened on demand.

#include <filesystem>
#include <string>

namespace denseshift::cli {

/// Path of a module by its file's name: beside the program, or in ../lib/denseshift of an installed tree. Empty when
/// there is none.
[[nodiscard]] std::filesystem::path module_file(const std::string& name);

}  // namespace denseshift::cli
