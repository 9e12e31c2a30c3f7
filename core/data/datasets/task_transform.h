#pragma once
// Which transform a dataset of pictures with boxes or class maps uses.

#include <memory>
#include <string>

#include "core/data/dataset.h"
#include "core/data/transforms/transform.h"

namespace denseshift::data {

/// The transform of options.transform, or `usual` when that is empty. Throws a usage error for one that is not for
/// options.task: detection takes square, ssd and fcos, segmentation square and deeplab.
[[nodiscard]] std::unique_ptr<Transform> task_transform(const DatasetOptions& options, const std::string& usual);

/// Runs `action`; the errors it throws become input errors that begin with `where`.
template <class Action>
void naming(const std::string& where, Action action) {
  try {
    action();
  } catch (const Error& error) {
    throw input_error(where + ": " + error.what(), error.hint());
  }
}

}  // namespace denseshift::data
