#pragma once
// Instance annotations in COCO's JSON format (instances_*.json).

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/data/coco/segmentation.h"
#include "core/metrics/coco_boxes.h"

namespace denseshift::data::coco {

/// One annotated object.
struct Annotation {
  std::int64_t id = 0;
  std::int64_t image = 0;        ///< ImageEntry::id
  std::int64_t category = 0;     ///< metrics::BoxTruth's and Annotations::categories' id
  std::array<double, 4> xywh{};  ///< left, top, width, height in pixels; may have no width or no height, or hang over
  double area = 0;               ///< of the region, in pixels; not width * height
  bool crowd = false;            ///< stands for a group of objects
  Segmentation segmentation{};
};

/// One picture. What a file does not say stays empty or 0; see require_pictures().
struct ImageEntry {
  std::int64_t id = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::string file_name{};
};

struct Category {
  std::int64_t id = 0;
  std::string name{};
};

/// A whole file.
struct Annotations {
  std::string file{};                     ///< for messages
  std::vector<ImageEntry> images{};       ///< by ascending id
  std::vector<Category> categories{};     ///< in the order of the file; ids have gaps
  std::vector<Annotation> annotations{};  ///< grouped by picture in the order of `images`, within one as in the file
  std::vector<std::size_t> first{};       ///< annotations of images[i] are first[i] .. first[i + 1] - 1

  [[nodiscard]] std::span<const Annotation> of_image(std::size_t index) const {
    return {annotations.data() + first[index], annotations.data() + first[index + 1]};
  }
};

/// What to keep of a file.
struct ReadOptions {
  bool segmentations = true;  ///< regions; without them boxes need a fraction of the memory. Checked in either case
};

/// Reads and checks an instances file piece by piece; memory goes with the number of objects, not with the length of
/// the text. Real COCO passes: boxes without width or without height are kept, as are those that hang over by a
/// margin of 2 pixels or 5 % of the side. Everything else that is wrong (not JSON, a missing or mistyped member, an id
/// twice, an unknown picture or category, an impossible box, polygon, area or run length, a mask of another size than
/// its picture) is an input error of one line that names the file and the picture, category or annotation.
[[nodiscard]] Annotations read_annotations(const std::filesystem::path& path, const ReadOptions& options = {});

/// Throws an input error naming the first picture that has no size, or no file name that stays inside its folder.
void require_pictures(const Annotations& annotations);

/// The boxes as the evaluation wants them: pictures by ascending id, categories and boxes in the order of the file.
[[nodiscard]] metrics::BoxTruth truth_of(const Annotations& annotations);

}  // namespace denseshift::data::coco
