#pragma once
// Writes a dataset to disk in a format that others read.

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/data/dataset.h"
#include "core/data/image/image.h"

namespace denseshift::data {

/// What export_dataset() writes.
enum class ExportFormat {
  png,      ///< train/<class>/NNNNN.png and val/<class>/NNNNN.png, without loss
  jpeg,     ///< the same as JPEG, quality 95, no chroma subsampling
  cifar10,  ///< the binary files of CIFAR-10: 50,000 and 10,000 pictures of 32 x 32 pixels in 10 classes
  wav,      ///< speech: 16-bit recordings and three tables in the layout of Fluent Speech Commands
};

/// Throws a usage error with the nearest name.
[[nodiscard]] ExportFormat export_format(const std::string& name);

/// Writes all pictures or recordings to `directory` in the layout of the dataset's task: class folders as above
/// (classification), annotations/instances_{train,val}.json with train/ and val/ as COCO has them (detection),
/// JPEGImages, SegmentationClass, ImageSets/Segmentation and classes.txt as VOC has them (segmentation; samples must
/// have the size of their pictures), data/*.csv and wavs/ as Fluent Speech Commands has them (speech). `directory` must
/// not exist or be empty; it appears complete or not at all. Throws a usage error when the dataset does not fit the
/// format and a work error when writing fails.
void export_dataset(const Dataset& dataset, ExportFormat format, const std::filesystem::path& directory);

/// A picture as the bytes of a PNG or JPEG file.
[[nodiscard]] std::string encode_png(const Image& image);
[[nodiscard]] std::string encode_jpeg(const Image& image, int quality);

}  // namespace denseshift::data
