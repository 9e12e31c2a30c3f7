// `shapes` for detection and segmentation: scenes drawn from (seed, split, index) when they are asked for.

#include <algorithm>

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/shapes_objects.h"
#include "core/data/datasets/task_transform.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kTrainScenes = 64;
constexpr std::int64_t kValScenes = 32;
constexpr std::int64_t kDetectionSide = 128;
constexpr std::int64_t kSegmentationSide = 65;
/// Changes when scenes of the same seed change.
constexpr int kScenesVersion = 1;

class ShapesObjects final : public Dataset {
 public:
  explicit ShapesObjects(DatasetOptions options)
      : seed_(options.seed),
        train_size_(options.train_size > 0 ? options.train_size : kTrainScenes),
        val_size_(options.val_size > 0 ? options.val_size : kValScenes) {
    info_.name = "shapes";
    info_.task = options.task;
    info_.class_names = object_class_names();
    if (detection()) {
      for (std::int64_t id = 1; id <= kObjectClasses; ++id) info_.category_ids.push_back(id);
    } else {
      info_.class_names.insert(info_.class_names.begin(), "background");
    }
    info_.classes = std::ssize(info_.class_names);
    info_.image_size = checked_image_size(options.image_size, detection() ? kDetectionSide : kSegmentationSide);
    info_.in_memory = info_.image_size <= 64;
    info_.fixed_size = false;
    options.image_size = info_.image_size;
    transform_ = task_transform(options, "square");
    info_.pad_multiple = transform_->pad_multiple();
  }

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const override {
    return split == Split::train ? train_size_ : split == Split::val ? val_size_ : 0;
  }

  void load_sample(Split split, std::int64_t index, bool augment, RandomStream& random, Sample& out) const override {
    thread_local ObjectPicture picture;
    thread_local AnnotatedImage annotated;
    render(split, index, picture);
    planes_to_image(picture.planes.data(), 3, info_.image_size, annotated.image);
    annotated.objects.clear();
    annotated.mask.clear();
    if (detection()) {
      annotated.objects = picture.objects;
    } else {
      annotated.mask = picture.mask;
    }
    transform_->apply(annotated, augment, random, out);
    out.info.index = out.info.image = index;
    out.info.label = 0;
  }

  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override {
    ObjectPicture picture;
    render(split, index, picture);
    planes_to_image(picture.planes.data(), 3, info_.image_size, out);
    return 0;
  }

  [[nodiscard]] metrics::BoxTruth truth(Split split) const override {
    metrics::BoxTruth truth;
    if (!detection()) return truth;
    for (std::size_t c = 0; c < info_.class_names.size(); ++c) {
      truth.categories.emplace_back(info_.category_ids[c], info_.class_names[c]);
    }
    ObjectPicture picture;
    for (std::int64_t i = 0; i < size(split); ++i) {
      truth.images.push_back(i);
      render(split, i, picture);
      for (std::size_t k = 0; k < picture.objects.size(); ++k) {
        const ObjectTarget& object = picture.objects[k];
        metrics::TruthBox box;
        box.image = i;
        box.category = info_.category_ids[static_cast<std::size_t>(object.label)];
        const auto left = static_cast<double>(object.box[0]);
        const auto top = static_cast<double>(object.box[1]);
        box.xywh = {left, top, static_cast<double>(object.box[2]) - left, static_cast<double>(object.box[3]) - top};
        box.area = static_cast<double>(picture.areas[k]);
        truth.boxes.push_back(box);
      }
    }
    return truth;
  }

  [[nodiscard]] nlohmann::ordered_json fingerprint() const override {
    nlohmann::ordered_json json;
    json["name"] = info_.name;
    json["task"] = info_.task;
    json["version"] = kScenesVersion;
    json["seed"] = seed_;
    json["image_size"] = info_.image_size;
    json["train"] = train_size_;
    json["val"] = val_size_;
    Sha256 hash;
    ObjectPicture picture;
    for (const Split split : {Split::train, Split::val}) {
      for (std::int64_t i = 0; i < 4; ++i) {
        render(split, i, picture);
        hash.update(picture.planes.data(), picture.planes.size());
        hash.update(picture.mask.data(), picture.mask.size());
      }
    }
    json["samples_sha256"] = hash.hex();
    return json;
  }

 private:
  [[nodiscard]] bool detection() const { return info_.task == "detection"; }

  void render(Split split, std::int64_t index, ObjectPicture& out) const {
    RandomStream random(seed_, split == Split::train ? 3 : 4, static_cast<std::uint64_t>(index));
    const ObjectScene scene = draw_objects(random);
    render_objects(scene, info_.image_size, random, out);
  }

  DatasetInfo info_;
  std::uint64_t seed_;
  std::int64_t train_size_;
  std::int64_t val_size_;
  std::unique_ptr<Transform> transform_;
};

}  // namespace

std::unique_ptr<Dataset> open_shapes_objects(const DatasetOptions& options) {
  return std::make_unique<ShapesObjects>(options);
}

}  // namespace denseshift::data
