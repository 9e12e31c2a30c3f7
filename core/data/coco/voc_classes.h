#pragma once
// COCO's instances as a map of the 21 classes of PASCAL VOC, for segmentation.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/data/coco/annotations.h"

namespace denseshift::data::coco {

/// COCO's category of every VOC class; class 0 is the background.
inline constexpr std::array<std::int64_t, 21> kVocCategories = {0,  5,  2,  16, 9, 44, 6,  3,  17, 62, 21,
                                                                67, 18, 19, 4,  1, 64, 20, 63, 7,  72};
inline constexpr std::array<const char*, 21> kVocNames = {
    "background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
    "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
    "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

/// Label of pixels that do not count.
inline constexpr std::uint8_t kIgnoredPixel = 255;

/// The class of a category; 0 when VOC does not have it.
[[nodiscard]] std::int64_t voc_class(std::int64_t category);

/// Writes the class of every pixel, rows from top to bottom: the class of the instance that covers it (crowds too), 0
/// where there is none, kIgnoredPixel where several are. Throws an input error naming the annotation (not the file)
/// when a region does not fit the size.
void voc_class_map(std::span<const Annotation> annotations, std::int64_t height, std::int64_t width,
                   std::vector<std::uint8_t>& out);

/// Whether a picture serves for training: the areas of its objects of VOC classes add up to more than 1000 pixels.
[[nodiscard]] bool serves_voc_training(std::span<const Annotation> annotations);

}  // namespace denseshift::data::coco
