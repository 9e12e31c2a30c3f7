#pragma once
// The study files that are compiled into the program.

#include <string>
#include <vector>

namespace denseshift::experiments {

/// A file of experiments/recipes.
struct EmbeddedFile {
  const char* name;  ///< "table1.json"
  const char* text;
};

/// Recipes first, then studies in the order in which they are listed to users (experiments/recipes/recipes.cmake).
[[nodiscard]] const std::vector<EmbeddedFile>& embedded_recipes();

}  // namespace denseshift::experiments
