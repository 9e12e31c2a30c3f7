#pragma once
// Reads a whole dataset to find what is broken in it.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/data/dataset.h"

namespace denseshift::data {

/// A sample that cannot be read; the message names its file.
struct BrokenEntry {
  Split split = Split::train;
  std::int64_t index = 0;
  std::string message;
};

/// Reads every sample of all splits completely, with `workers` threads. Returns the broken ones in order of split and
/// index. `progress(done, total)` is called now and then from one thread at a time.
[[nodiscard]] std::vector<BrokenEntry> check_dataset(const Dataset& dataset, std::int64_t workers,
                                                     const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace denseshift::data
