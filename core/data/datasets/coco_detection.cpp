// `coco` for detection: boxes of instances_*.json.

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/coco_split.h"
#include "core/data/datasets/task_transform.h"
#include "core/data/transforms/fcos.h"
#include "core/data/transforms/ssd.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

/// A picture is trained on when one of its boxes is wider and higher than this.
constexpr double kLeastSide = 1;

class CocoDetection final : public Dataset {
 public:
  explicit CocoDetection(const DatasetOptions& options)
      : transform_(task_transform(options, "ssd")),
        train_crowds_(options.transform.empty() || options.transform == "ssd"),
        train_(find_coco_folder(options), Split::train, {.segmentations = false}),
        val_(find_coco_folder(options), Split::val, {.segmentations = false}) {
    info_.name = "coco";
    info_.task = options.task;
    info_.fixed_size = false;
    info_.pad_multiple = transform_->pad_multiple();
    const bool fcos = options.transform == "fcos";
    info_.image_size = options.image_size > 0 ? options.image_size : fcos ? kFcosShortSide : kSsdSide;
    take_categories();
    train_.keep([this](const coco::ImageEntry& picture, std::span<const coco::Annotation> annotations) {
      return std::any_of(annotations.begin(), annotations.end(), [&](const coco::Annotation& annotation) {
        return is_target(annotation) && annotation.xywh[2] > kLeastSide && annotation.xywh[3] > kLeastSide &&
               has_pixels(box_of(annotation, picture));
      });
    });
    if (train_.size() == 0) throw input_error(train_.annotations().file + ": no picture with a box to learn from");
  }

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const override { return split == Split::test ? 0 : part(split).size(); }

  void load_sample(Split split, std::int64_t index, bool augment, RandomStream& random, Sample& out) const override {
    thread_local AnnotatedImage picture;
    const CocoSplit& from = part(split);
    from.decode(index, picture.image);
    picture.objects.clear();
    for (const coco::Annotation& annotation : from.of(index)) {
      if (!is_target(annotation)) continue;
      const std::array<float, 4> box = box_of(annotation, from.entry(index));
      if (has_pixels(box)) picture.objects.push_back({box, labels_.at(annotation.category)});
    }
    naming(from.path(index).string(), [&] { transform_->apply(picture, augment, random, out); });
    out.info.index = index;
    out.info.image = from.entry(index).id;
    out.info.label = 0;
  }

  [[nodiscard]] double aspect_ratio(Split split, std::int64_t index) const override {
    const coco::ImageEntry& picture = part(split).entry(index);
    return static_cast<double>(picture.width) / static_cast<double>(picture.height);
  }

  /// Of the pictures that the split has: those left out of training are not expected to be found in.
  [[nodiscard]] metrics::BoxTruth truth(Split split) const override {
    if (split == Split::test) return {};
    const CocoSplit& from = part(split);
    metrics::BoxTruth truth;
    for (const coco::Category& category : from.annotations().categories) {
      truth.categories.emplace_back(category.id, category.name);
    }
    for (std::int64_t i = 0; i < from.size(); ++i) {
      truth.images.push_back(from.entry(i).id);
      for (const coco::Annotation& annotation : from.of(i)) {
        truth.boxes.push_back(
            {annotation.image, annotation.category, annotation.xywh, annotation.area, annotation.crowd});
      }
    }
    return truth;
  }

  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override {
    part(split).decode(index, out);
    return 0;
  }

  [[nodiscard]] nlohmann::ordered_json fingerprint() const override { return coco_fingerprint(info_, train_, val_); }

 private:
  [[nodiscard]] const CocoSplit& part(Split split) const { return split == Split::train ? train_ : val_; }

  /// SSD's reference trains on the boxes of crowds as on others, FCOS's does not.
  [[nodiscard]] bool is_target(const coco::Annotation& annotation) const { return train_crowds_ || !annotation.crowd; }

  /// Left, top, right, bottom in float32, cut at the picture.
  static std::array<float, 4> box_of(const coco::Annotation& annotation, const coco::ImageEntry& picture) {
    const auto left = static_cast<float>(annotation.xywh[0]);
    const auto top = static_cast<float>(annotation.xywh[1]);
    const float right = left + static_cast<float>(annotation.xywh[2]);
    const float bottom = top + static_cast<float>(annotation.xywh[3]);
    const auto width = static_cast<float>(picture.width);
    const auto height = static_cast<float>(picture.height);
    return {std::clamp(left, 0.0F, width), std::clamp(top, 0.0F, height), std::clamp(right, 0.0F, width),
            std::clamp(bottom, 0.0F, height)};
  }
  static bool has_pixels(const std::array<float, 4>& box) { return box[2] > box[0] && box[3] > box[1]; }

  /// Classes are the categories of the training annotations, in the order of that file.
  void take_categories() {
    for (const coco::Category& category : train_.annotations().categories) {
      labels_[category.id] = info_.classes++;
      info_.category_ids.push_back(category.id);
      info_.class_names.push_back(category.name);
    }
    for (const coco::Category& category : val_.annotations().categories) {
      const auto known = labels_.find(category.id);
      if (known == labels_.end() || info_.class_names[static_cast<std::size_t>(known->second)] != category.name) {
        throw input_error(fmt::format("{}: category {} '{}' is not one of {}", val_.annotations().file, category.id,
                                      category.name, train_.annotations().file));
      }
    }
  }

  DatasetInfo info_;
  std::unique_ptr<Transform> transform_;
  bool train_crowds_;
  CocoSplit train_;
  CocoSplit val_;
  std::unordered_map<std::int64_t, std::int64_t> labels_;  ///< class of a category id
};

}  // namespace

std::unique_ptr<Dataset> open_coco_detection(const DatasetOptions& options) {
  return std::make_unique<CocoDetection>(options);
}

}  // namespace denseshift::data
