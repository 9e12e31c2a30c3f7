// `coco` for segmentation: the instances of VOC's classes merged into class maps.

#include <fmt/format.h>

#include <algorithm>

#include "core/data/coco/voc_classes.h"
#include "core/data/datasets/builtin.h"
#include "core/data/datasets/coco_split.h"
#include "core/data/datasets/task_transform.h"
#include "core/data/transforms/deeplab.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

/// COCO's names of VOC's classes 1 to 20.
constexpr std::array<const char*, 20> kCocoNames = {
    "airplane",     "bicycle", "bird",  "boat",       "bottle", "bus",          "car",   "cat",   "chair", "cow",
    "dining table", "dog",     "horse", "motorcycle", "person", "potted plant", "sheep", "couch", "train", "tv"};

/// Ids say which class a region has, so the ids must be COCO's own.
void require_coco_categories(const coco::Annotations& annotations) {
  for (const coco::Category& category : annotations.categories) {
    const std::int64_t label = coco::voc_class(category.id);
    if (label == 0 || category.name == kCocoNames[static_cast<std::size_t>(label - 1)]) continue;
    throw input_error(fmt::format("{}: category {} is '{}', in COCO it is '{}'", annotations.file, category.id,
                                  category.name, kCocoNames[static_cast<std::size_t>(label - 1)]),
                      "segmentation takes annotations with COCO's categories, or a folder in VOC's layout");
  }
}

class CocoSegmentation final : public Dataset {
 public:
  explicit CocoSegmentation(const DatasetOptions& options)
      : transform_(task_transform(options, "deeplab")),
        train_(find_coco_folder(options), Split::train, {}),
        val_(find_coco_folder(options), Split::val, {}) {
    info_.name = "coco";
    info_.task = options.task;
    info_.class_names.assign(coco::kVocNames.begin(), coco::kVocNames.end());
    info_.classes = std::ssize(info_.class_names);
    info_.fixed_size = false;
    info_.pad_multiple = transform_->pad_multiple();
    info_.image_size = options.image_size > 0 ? options.image_size : kDeepLabCrop;
    require_coco_categories(train_.annotations());
    require_coco_categories(val_.annotations());
    train_.keep([](const coco::ImageEntry&, std::span<const coco::Annotation> annotations) {
      return coco::serves_voc_training(annotations);
    });
    if (train_.size() == 0) {
      throw input_error(
          fmt::format("{}: no picture with regions of VOC's classes to learn from", train_.annotations().file));
    }
  }

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const override { return split == Split::test ? 0 : part(split).size(); }

  void load_sample(Split split, std::int64_t index, bool augment, RandomStream& random, Sample& out) const override {
    thread_local AnnotatedImage picture;
    read(split, index, picture);
    naming(part(split).path(index).string(), [&] { transform_->apply(picture, augment, random, out); });
    out.info.index = index;
    out.info.image = part(split).entry(index).id;
    out.info.label = 0;
  }

  [[nodiscard]] double aspect_ratio(Split split, std::int64_t index) const override {
    const coco::ImageEntry& picture = part(split).entry(index);
    return static_cast<double>(picture.width) / static_cast<double>(picture.height);
  }

  void verify(Split split, std::int64_t index) const override {
    AnnotatedImage picture;
    read(split, index, picture);
  }

  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override {
    part(split).decode(index, out);
    return 0;
  }

  [[nodiscard]] nlohmann::ordered_json fingerprint() const override { return coco_fingerprint(info_, train_, val_); }

 private:
  [[nodiscard]] const CocoSplit& part(Split split) const { return split == Split::train ? train_ : val_; }

  void read(Split split, std::int64_t index, AnnotatedImage& picture) const {
    const CocoSplit& from = part(split);
    from.decode(index, picture.image);
    naming(from.annotations().file,
           [&] { coco::voc_class_map(from.of(index), picture.image.height, picture.image.width, picture.mask); });
  }

  DatasetInfo info_;
  std::unique_ptr<Transform> transform_;
  CocoSplit train_;
  CocoSplit val_;
};

}  // namespace

std::unique_ptr<Dataset> open_coco_segmentation(const DatasetOptions& options) {
  return std::make_unique<CocoSegmentation>(options);
}

std::unique_ptr<Dataset> open_coco(const DatasetOptions& options) {
  return options.task == "segmentation" ? open_coco_segmentation(options) : open_coco_detection(options);
}

}  // namespace denseshift::data
