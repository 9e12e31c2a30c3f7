#pragma once
// Detections in COCO's results format: a JSON list of {image_id, category_id, bbox, score}.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/metrics/coco_boxes.h"

namespace denseshift::data::coco {

/// A file of results.
struct Results {
  std::vector<metrics::Detection> detections{};  ///< in the order of the file, which decides between equal scores
  std::int64_t unlisted = 0;                     ///< entries left out because the truth does not have their category
};

/// Reads results that belong to `truth`, entry by entry. Throws an input error of one line naming file and entry for
/// anything but a list of results, for a picture that the truth does not have and for an impossible box or score.
[[nodiscard]] Results read_results(const std::filesystem::path& path, const metrics::BoxTruth& truth);

/// Writes the file atomically; read_results() gives exactly the same numbers. Throws a work error for a detection with
/// a number that is not finite and when the file cannot be written.
void write_results(const std::filesystem::path& path, const std::vector<metrics::Detection>& detections);

}  // namespace denseshift::data::coco
