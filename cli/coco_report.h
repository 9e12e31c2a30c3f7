#pragma once
// The numbers of a COCO evaluation for people and for programs.

#include <nlohmann/json.hpp>
#include <ostream>

#include "core/metrics/coco_boxes.h"

namespace denseshift::cli {

/// {"numbers": {"mAP": ...}, "categories": [{"id", "name", "ap", "ap50", "ar100"}]}: fractions, -1 where undefined.
[[nodiscard]] nlohmann::ordered_json coco_json(const metrics::CocoNumbers& numbers);

/// Two tables: the twelve numbers with overlap, size and number of detections they stand for, and the categories.
/// Percent; "-" where undefined.
void print_coco_tables(const metrics::CocoNumbers& numbers, std::ostream& out);

}  // namespace denseshift::cli
