// Pictures with class maps in the layout of PASCAL VOC.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include "core/data/coco/voc_classes.h"
#include "core/data/datasets/builtin.h"
#include "core/data/datasets/task_transform.h"
#include "core/data/image/decode.h"
#include "core/data/image/label_map.h"
#include "core/data/transforms/deeplab.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxClasses = 255;  // 255 marks pixels that do not count
constexpr std::int64_t kSampledPairs = 8;
constexpr std::array<const char*, 3> kPictureExtensions{".jpg", ".jpeg", ".png"};

/// Lines without blanks at the end and without empty ones.
std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> lines;
  std::istringstream content(read_file(file));
  for (std::string line; std::getline(content, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

/// Names of pictures, which must stay inside the folders and occur once.
std::vector<std::string> read_list(const fs::path& file) {
  std::vector<std::string> names = lines_of(file);
  if (names.empty()) throw input_error(file.string() + ": names no picture");
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.find('/') != std::string::npos || name.find('\0') != std::string::npos || name[0] == '.') {
      throw input_error(fmt::format("{}: '{}' is not the name of a picture", file.string(), name),
                        "one name a line, without folder and extension");
    }
    if (!seen.insert(name).second) throw input_error(fmt::format("{}: {} is named twice", file.string(), name));
  }
  return names;
}

class Voc final : public Dataset {
 public:
  explicit Voc(const DatasetOptions& options) : transform_(task_transform(options, "deeplab")) {
    root_ = find_folder("voc", options, {".", "VOC2012", "VOCdevkit/VOC2012"}, {"ImageSets/Segmentation/train.txt"});
    for (const char* folder : {"JPEGImages", "SegmentationClass"}) {
      if (!fs::is_directory(root_ / folder)) {
        throw input_error(fmt::format("dataset voc: no {} in {}", folder, root_.string()));
      }
    }
    train_ = read_list(root_ / "ImageSets/Segmentation/train.txt");
    val_ = read_list(root_ / "ImageSets/Segmentation/val.txt");
    info_.name = "voc";
    info_.task = options.task;
    info_.class_names.assign(coco::kVocNames.begin(), coco::kVocNames.end());
    const fs::path classes = root_ / "classes.txt";
    if (fs::exists(classes)) info_.class_names = lines_of(classes);
    if (info_.class_names.size() < 2 || info_.class_names.size() > kMaxClasses) {
      throw input_error(
          fmt::format("{}: {} classes; there must be 2 to {}", classes.string(), info_.class_names.size(), kMaxClasses),
          "one name a line, the first is class 0");
    }
    info_.classes = std::ssize(info_.class_names);
    info_.image_size = options.image_size > 0 ? options.image_size : kDeepLabCrop;
    info_.fixed_size = false;
    info_.pad_multiple = transform_->pad_multiple();
  }

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const override {
    return split == Split::test ? 0 : std::ssize(names(split));
  }

  void load_sample(Split split, std::int64_t index, bool augment, RandomStream& random, Sample& out) const override {
    thread_local AnnotatedImage picture;
    const fs::path file = image_file(split, index);
    PictureFile(file).decode(picture.image);
    read_map(split, index, picture);
    naming(file.string(), [&] { transform_->apply(picture, augment, random, out); });
    out.info.index = out.info.image = index;
    out.info.label = 0;
  }

  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override {
    PictureFile(image_file(split, index)).decode(out);
    return 0;
  }

  void verify(Split split, std::int64_t index) const override {
    AnnotatedImage picture;
    PictureFile(image_file(split, index)).decode(picture.image);
    read_map(split, index, picture);
  }

  [[nodiscard]] nlohmann::ordered_json fingerprint() const override {
    nlohmann::ordered_json json;
    json["name"] = info_.name;
    json["classes"] = info_.class_names;
    Sha256 names_hash;
    Sha256 samples;
    for (const Split split : {Split::train, Split::val}) {
      json[split_name(split)] = size(split);
      const std::int64_t step = std::max<std::int64_t>(1, size(split) / kSampledPairs);
      for (std::int64_t i = 0; i < size(split); ++i) {
        const std::string& name = names(split)[static_cast<std::size_t>(i)];
        names_hash.update(name.c_str(), name.size() + 1);
        if (i % step != 0) continue;
        for (const fs::path& file : {image_file(split, i), map_file(split, i)}) {
          const std::string bytes = read_file(file);
          samples.update(bytes.data(), bytes.size());
        }
      }
    }
    json["names_sha256"] = names_hash.hex();
    json["samples_sha256"] = samples.hex();
    return json;
  }

 private:
  [[nodiscard]] const std::vector<std::string>& names(Split split) const {
    return split == Split::train ? train_ : val_;
  }
  [[nodiscard]] fs::path image_file(Split split, std::int64_t index) const {
    const std::string& name = names(split)[static_cast<std::size_t>(index)];
    std::error_code code;
    for (const char* extension : kPictureExtensions) {
      fs::path file = root_ / "JPEGImages" / (name + extension);
      if (fs::exists(file, code)) return file;
    }
    throw input_error(fmt::format("{}: no such file; {}.txt names it",
                                  (root_ / "JPEGImages" / (name + kPictureExtensions[0])).string(), split_name(split)));
  }
  [[nodiscard]] fs::path map_file(Split split, std::int64_t index) const {
    return root_ / "SegmentationClass" / (names(split)[static_cast<std::size_t>(index)] + ".png");
  }

  /// Reads the class map of picture.image, checked.
  void read_map(Split split, std::int64_t index, AnnotatedImage& picture) const {
    const fs::path file = map_file(split, index);
    LabelMap map = read_label_png(file);
    if (map.width != picture.image.width || map.height != picture.image.height) {
      throw input_error(fmt::format("{}: {} x {} pixels, but its picture has {} x {}", file.string(), map.width,
                                    map.height, picture.image.width, picture.image.height));
    }
    const auto unknown = std::find_if(map.labels.begin(), map.labels.end(), [&](std::uint8_t value) {
      return value >= info_.classes && value != kIgnoredPixel;
    });
    if (unknown != map.labels.end()) {
      const std::int64_t at = unknown - map.labels.begin();
      throw input_error(fmt::format("{}: value {} at column {}, row {}; there are {} classes", file.string(), *unknown,
                                    at % map.width, at / map.width, info_.classes),
                        "classes.txt names the classes of a set that is not VOC");
    }
    picture.mask = std::move(map.labels);
  }

  DatasetInfo info_;
  fs::path root_;
  std::vector<std::string> train_;
  std::vector<std::string> val_;
  std::unique_ptr<Transform> transform_;
};

}  // namespace

std::unique_ptr<Dataset> open_voc(const DatasetOptions& options) { return std::make_unique<Voc>(options); }

}  // namespace denseshift::data
