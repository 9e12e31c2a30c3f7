#pragma once
// The classes of PASCAL VOC, in which COCO is segmented too.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/data/coco/annotations.h"

namespace denseshift::data {

/// background, aeroplane, ..., tvmonitor: 21 names.
[[nodiscard]] const std::vector<std::string>& voc_class_names();

/// Class of a COCO category; 0 for the categories that VOC does not have.
[[nodiscard]] std::uint8_t voc_class_of(std::int64_t coco_category);

/// Throws an input error naming the first category whose id is that of a VOC class and whose name is not COCO's: these
/// are not COCO's categories.
void require_coco_categories(const coco::Annotations& annotations);

}  // namespace denseshift::data
