#include "core/data/coco/annotations.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/data/coco/record_stream.h"
#include "core/data/image/decode.h"
#include "core/util/error.h"

namespace denseshift::data::coco {
namespace {

using nlohmann::json;

/// Runs `action`; its input errors get file and entry in front.
template <class Action>
void naming(const std::string& file, const std::string& entry, Action action) {
  try {
    action();
  } catch (const Error& error) {
    throw input_error(fmt::format("{}: {}: {}", file, entry, error.what()), error.hint());
  }
}

/// "annotation 17", or its place in the list when it has no usable id.
std::string entry_name(const Record& record, const char* what) {
  const auto id = record.members.find("id");
  if (id != record.members.end() && id->is_number_integer()) return fmt::format("{} {}", what, id->dump());
  return fmt::format("{} (entry {} of '{}')", what, record.number, record.list);
}

std::string text_member(const json& members, const std::string& name, bool required) {
  const auto found = members.find(name);
  if (found == members.end() && !required) return {};
  if (found == members.end() || !found->is_string()) throw input_error(fmt::format("'{}' is not a text", name));
  return found->get<std::string>();
}

ImageEntry read_image(const json& members) {
  ImageEntry image{.id = integer_member(members, "id")};
  if (members.contains("width") || members.contains("height")) {
    image.width = integer_member(members, "width");
    image.height = integer_member(members, "height");
    check_picture_size(image.width, image.height);
  }
  image.file_name = text_member(members, "file_name", false);
  return image;
}

bool read_crowd(const json& members) {
  const auto found = members.find("iscrowd");
  if (found == members.end() || found->is_null()) return false;
  if (found->is_boolean()) return found->get<bool>();
  const std::int64_t value = integer_member(members, "iscrowd");
  if (value != 0 && value != 1) throw input_error("'iscrowd' is neither 0 nor 1");
  return value == 1;
}

Rle read_runs(const json& value) {
  const auto size = value.find("size"), counts = value.find("counts");
  if (size == value.end() || counts == value.end()) throw input_error("run lengths without 'size' or 'counts'");
  const std::vector<double> sides = numbers_of(*size, "'size' of the run lengths");
  if (sides.size() != 2) throw input_error("'size' of the run lengths is not height and width");
  for (const double side : sides) {
    if (!(side >= 1 && side <= static_cast<double>(kMaxPixels)) || std::floor(side) != side) {
      throw input_error("'size' of the run lengths is not that of a picture");
    }
  }
  Rle mask{.height = static_cast<std::int64_t>(sides[0]), .width = static_cast<std::int64_t>(sides[1])};
  check_picture_size(mask.width, mask.height);
  if (counts->is_string()) return runs_from_string(counts->get_ref<const std::string&>(), mask.height, mask.width);
  for (const double count : numbers_of(*counts, "'counts' of the run lengths")) {
    if (!(count >= 0 && count <= static_cast<double>(kMaxPixels)) || std::floor(count) != count) {
      throw input_error("a run length is negative, too large or not whole");
    }
    mask.counts.push_back(static_cast<std::uint32_t>(count));
  }
  check_runs(mask);
  return mask;
}

Segmentation read_segmentation(const json& members) {
  const auto found = members.find("segmentation");
  if (found == members.end() || found->is_null()) return {};
  if (found->is_object()) return Segmentation(read_runs(*found));
  if (!found->is_array()) throw input_error("'segmentation' is neither polygons nor run lengths");
  std::vector<std::vector<double>> polygons;
  for (const json& polygon : *found) {
    polygons.push_back(numbers_of(polygon, "a polygon"));
    check_polygon(polygons.back());
  }
  return Segmentation(polygons);
}

Annotation read_annotation(const json& members) {
  Annotation annotation{.id = integer_member(members, "id"),
                        .image = integer_member(members, "image_id"),
                        .category = integer_member(members, "category_id"),
                        .xywh = box_member(members),
                        .area = number_member(members, "area")};
  if (annotation.xywh[2] == 0 && annotation.xywh[3] == 0) throw input_error("the box is empty");
  if (annotation.area < 0) throw input_error("the area is negative");
  annotation.crowd = read_crowd(members);
  annotation.segmentation = read_segmentation(members);
  return annotation;
}

void check_box(const std::array<double, 4>& xywh, const ImageEntry& image) {
  const std::array<double, 2> sides = {static_cast<double>(image.width), static_cast<double>(image.height)};
  for (std::size_t i = 0; i < 2; ++i) {
    const double margin = std::max(2.0, 0.05 * sides[i]);
    if (xywh[i] >= -margin && xywh[i] + xywh[i + 2] <= sides[i] + margin) continue;
    throw input_error(fmt::format("the box [{}, {}, {}, {}] is outside of picture {} of {} x {}", xywh[0], xywh[1],
                                  xywh[2], xywh[3], image.id, image.width, image.height),
                      "clip the box to the picture or remove the annotation");
  }
}

void check_segmentation(const Segmentation& segmentation, const ImageEntry& image) {
  if (segmentation.kind() == Segmentation::Kind::runs) {
    const Rle runs = segmentation.runs();
    if (runs.height == image.height && runs.width == image.width) return;
    throw input_error(fmt::format("the mask of {} x {} does not fit picture {} of {} x {}", runs.width, runs.height,
                                  image.id, image.width, image.height));
  }
  const double side = static_cast<double>(std::max(image.width, image.height));
  for (const std::vector<double>& polygon : segmentation.polygons()) {
    for (const double value : polygon) {
      if (value >= -side - 10 && value <= 2 * side + 10) continue;
      throw input_error(
          fmt::format("a polygon is far outside of picture {} of {} x {}", image.id, image.width, image.height));
    }
  }
}

/// Collects the records of one file.
class Reader {
 public:
  Reader(std::string file, const ReadOptions& options) : options_(options) { result_.file = std::move(file); }

  void take(const Record& record) {
    if (record.list == "images") {
      naming(result_.file, entry_name(record, "image"), [&] { take_image(read_image(record.members)); });
    } else if (record.list == "categories") {
      naming(result_.file, entry_name(record, "category"), [&] { take_category(record.members); });
    } else {
      naming(result_.file, entry_name(record, "annotation"), [&] { take_annotation(record.members); });
    }
  }

  Annotations finish() {
    std::vector<Annotation>& annotations = result_.annotations;
    check_ids();
    for (Annotation& annotation : annotations) {
      naming(result_.file, fmt::format("annotation {}", annotation.id), [&] { check(annotation); });
      if (!options_.segmentations) annotation.segmentation = {};
    }
    const auto by_id = [](const ImageEntry& a, const ImageEntry& b) { return a.id < b.id; };
    std::sort(result_.images.begin(), result_.images.end(), by_id);
    annotations.shrink_to_fit();
    std::stable_sort(annotations.begin(), annotations.end(),
                     [](const Annotation& a, const Annotation& b) { return a.image < b.image; });
    result_.first = {0};
    std::size_t at = 0;
    for (const ImageEntry& image : result_.images) {
      while (at < annotations.size() && annotations[at].image == image.id) ++at;
      result_.first.push_back(at);
    }
    return std::move(result_);
  }

 private:
  void take_image(ImageEntry image) {
    if (!image_at_.emplace(image.id, result_.images.size()).second) throw input_error("the id comes twice");
    result_.images.push_back(std::move(image));
  }

  void take_category(const json& members) {
    Category category{.id = integer_member(members, "id"), .name = text_member(members, "name", true)};
    if (!categories_.insert(category.id).second) throw input_error("the id comes twice");
    result_.categories.push_back(std::move(category));
  }

  void take_annotation(const json& members) {
    Annotation annotation = read_annotation(members);
    // Nearly every file lists the pictures first; regions that are not wanted can then go at once.
    if (!options_.segmentations && image_at_.contains(annotation.image)) {
      check(annotation, false);
      annotation.segmentation = {};
    }
    result_.annotations.push_back(std::move(annotation));
  }

  void check(const Annotation& annotation, bool with_category = true) const {
    const auto found = image_at_.find(annotation.image);
    if (found == image_at_.end()) {
      throw input_error(fmt::format("there is no image {} in the file", annotation.image));
    }
    if (with_category && !categories_.contains(annotation.category)) {
      throw input_error(fmt::format("there is no category {} in the file", annotation.category));
    }
    const ImageEntry& image = result_.images[found->second];
    if (image.width == 0) return;
    check_box(annotation.xywh, image);
    check_segmentation(annotation.segmentation, image);
  }

  void check_ids() const {
    std::vector<std::int64_t> ids;
    ids.reserve(result_.annotations.size());
    for (const Annotation& annotation : result_.annotations) ids.push_back(annotation.id);
    std::sort(ids.begin(), ids.end());
    const auto twice = std::adjacent_find(ids.begin(), ids.end());
    if (twice != ids.end()) {
      throw input_error(fmt::format("{}: annotation {}: the id comes twice", result_.file, *twice));
    }
  }

  ReadOptions options_;
  Annotations result_;
  std::unordered_map<std::int64_t, std::size_t> image_at_;
  std::unordered_set<std::int64_t> categories_;
};

}  // namespace

Annotations read_annotations(const std::filesystem::path& path, const ReadOptions& options) {
  Reader reader(path.string(), options);
  const WantedRecords wanted{.lists = {"images", "categories", "annotations"},
                             .members = {"id", "width", "height", "file_name", "name", "image_id", "category_id",
                                         "bbox", "area", "iscrowd", "segmentation"}};
  read_records(path, wanted, [&](const Record& record) { reader.take(record); });
  return reader.finish();
}

void require_pictures(const Annotations& annotations) {
  for (const ImageEntry& image : annotations.images) {
    naming(annotations.file, fmt::format("image {}", image.id), [&] {
      if (image.width == 0) throw input_error("'width' and 'height' are missing");
      const std::filesystem::path name = image.file_name;
      if (name.empty()) throw input_error("'file_name' is missing");
      const bool climbs = std::find(name.begin(), name.end(), "..") != name.end();
      if (climbs || name.is_absolute() || image.file_name.find('\0') != std::string::npos) {
        throw input_error("'file_name' leaves the folder of pictures");
      }
    });
  }
}

metrics::BoxTruth truth_of(const Annotations& annotations) {
  metrics::BoxTruth truth;
  truth.images.reserve(annotations.images.size());
  truth.boxes.reserve(annotations.annotations.size());
  for (const ImageEntry& image : annotations.images) truth.images.push_back(image.id);
  for (const Category& category : annotations.categories) truth.categories.emplace_back(category.id, category.name);
  for (const Annotation& annotation : annotations.annotations) {
    truth.boxes.push_back({annotation.image, annotation.category, annotation.xywh, annotation.area, annotation.crowd});
  }
  return truth;
}

}  // namespace denseshift::data::coco
