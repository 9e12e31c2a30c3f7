#include "core/data/coco/voc_classes.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>

#include "core/util/error.h"

namespace denseshift::data::coco {

std::int64_t voc_class(std::int64_t category) {
  const auto found = std::find(kVocCategories.begin() + 1, kVocCategories.end(), category);
  return found == kVocCategories.end() ? 0 : found - kVocCategories.begin();
}

void voc_class_map(std::span<const Annotation> annotations, std::int64_t height, std::int64_t width,
                   std::vector<std::uint8_t>& out) {
  out.assign(static_cast<std::size_t>(height * width), 0);
  for (const Annotation& annotation : annotations) {
    const auto label = static_cast<std::uint8_t>(voc_class(annotation.category));
    if (label == 0) continue;
    Rle mask;
    try {
      mask = annotation.segmentation.mask(height, width);
    } catch (const Error& error) {
      throw input_error(fmt::format("annotation {}: {}", annotation.id, error.what()), error.hint());
    }
    std::int64_t position = 0;
    for (std::size_t i = 0; i < mask.counts.size(); ++i) {
      const std::int64_t end = position + mask.counts[i];
      for (; i % 2 == 1 && position < end; ++position) {
        std::uint8_t& pixel = out[static_cast<std::size_t>(position % height * width + position / height)];
        pixel = pixel == 0 ? label : kIgnoredPixel;
      }
      position = end;
    }
  }
}

bool serves_voc_training(std::span<const Annotation> annotations) {
  double area = 0;
  for (const Annotation& annotation : annotations) {
    if (voc_class(annotation.category) != 0) area += annotation.area;
  }
  return area > 1000;
}

}  // namespace denseshift::data::coco
