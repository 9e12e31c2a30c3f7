// The default dataset: nothing on disk, every picture drawn from (seed, split, index) when it is asked for.

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/pixel_store.h"
#include "core/data/datasets/shapes_scene.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kTrainSize = 10000;
constexpr std::int64_t kValSize = 2000;
constexpr std::int64_t kDefaultSide = 64;
/// Changes when pictures of the same seed change, so that runs on different pictures are told apart.
constexpr int kPicturesVersion = 2;

class Shapes final : public Dataset {
 public:
  explicit Shapes(const DatasetOptions& options)
      : seed_(options.seed),
        train_size_(options.train_size > 0 ? options.train_size : kTrainSize),
        val_size_(options.val_size > 0 ? options.val_size : kValSize) {
    info_.name = "shapes";
    info_.classes = kShapeClasses;
    info_.image_size = checked_image_size(options.image_size, kDefaultSide);
    info_.in_memory = info_.image_size <= 64;
    info_.class_names = shape_class_names();
  }

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const override {
    return split == Split::train ? train_size_ : split == Split::val ? val_size_ : 0;
  }

  std::int64_t load(Split split, std::int64_t index, bool augment, RandomStream& random, float* out) const override {
    thread_local std::vector<std::uint8_t> planes;
    const std::int64_t label = render(split, index, planes);
    write_sample(planes.data(), 3, info_.image_size, info_.image_size, recipe_, augment, random, out);
    return label;
  }

  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override {
    std::vector<std::uint8_t> planes;
    const std::int64_t label = render(split, index, planes);
    planes_to_image(planes.data(), 3, info_.image_size, out);
    return label;
  }

  [[nodiscard]] nlohmann::ordered_json fingerprint() const override {
    nlohmann::ordered_json json;
    json["name"] = info_.name;
    json["version"] = kPicturesVersion;
    json["seed"] = seed_;
    json["image_size"] = info_.image_size;
    json["train"] = train_size_;
    json["val"] = val_size_;
    Sha256 hash;
    std::vector<std::uint8_t> planes;
    for (const Split split : {Split::train, Split::val}) {
      for (std::int64_t i = 0; i < 4; ++i) {
        (void)render(split, i, planes);
        hash.update(planes.data(), planes.size());
      }
    }
    json["samples_sha256"] = hash.hex();
    return json;
  }

 private:
  std::int64_t render(Split split, std::int64_t index, std::vector<std::uint8_t>& planes) const {
    RandomStream random(seed_, split == Split::train ? 1 : 2, static_cast<std::uint64_t>(index));
    const std::int64_t label = index % kShapeClasses;
    planes.resize(static_cast<std::size_t>(3 * info_.image_size * info_.image_size));
    render_scene(draw_scene(label, random), info_.image_size, random, planes.data());
    return label;
  }

  DatasetInfo info_;
  std::uint64_t seed_;
  std::int64_t train_size_;
  std::int64_t val_size_;
  PixelRecipe recipe_{.normalisation = {{0.467, 0.361, 0.307}, {0.224, 0.142, 0.124}}};
};

}  // namespace

std::unique_ptr<Dataset> open_shapes(const DatasetOptions& options) {
  if (options.task.empty() || options.task == "classification") return std::make_unique<Shapes>(options);
  return open_shapes_objects(options);
}

}  // namespace denseshift::data
