#include "core/data/datasets/coco_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/data/datasets/builtin.h"
#include "core/data/image/decode.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSampledFiles = 8;

}  // namespace

CocoSplit::CocoSplit(const fs::path& root, Split split, const coco::ReadOptions& options) {
  const std::string name = split_name(split);
  const std::string dated = name + "2017";
  const auto file_of = [&](const std::string& part) { return root / "annotations" / ("instances_" + part + ".json"); };
  std::error_code code;
  const std::string& part = fs::exists(file_of(dated), code) ? dated : name;
  if (!fs::exists(file_of(part), code)) {
    throw input_error(fmt::format("dataset coco: neither instances_{}.json nor instances_{}.json in {}", dated, name,
                                  (root / "annotations").string()));
  }
  folder_ = root / part;
  if (!fs::is_directory(folder_, code)) {
    throw input_error(fmt::format("{}: no such folder", folder_.string()),
                      fmt::format("it holds the pictures of {}", file_of(part).string()));
  }
  annotations_ = coco::read_annotations(file_of(part), options);
  coco::require_pictures(annotations_);
  used_.resize(annotations_.images.size());
  std::iota(used_.begin(), used_.end(), std::size_t{0});
}

void CocoSplit::decode(std::int64_t index, Image& out) const {
  const coco::ImageEntry& picture = entry(index);
  const fs::path file = path(index);
  std::error_code code;
  if (!fs::exists(file, code)) {
    throw input_error(fmt::format("{}: no such file; picture {} of {}", file.string(), picture.id, annotations_.file));
  }
  PictureFile reader(file);
  if (reader.width() != picture.width || reader.height() != picture.height) {
    throw input_error(fmt::format("{}: {} x {} pixels, but {} x {} in picture {} of {}", file.string(), reader.width(),
                                  reader.height(), picture.width, picture.height, picture.id, annotations_.file));
  }
  reader.decode(out);
}

void CocoSplit::add_to_fingerprint(Sha256& contents, Sha256& samples) const {
  const std::int64_t step = std::max<std::int64_t>(1, size() / kSampledFiles);
  for (std::int64_t i = 0; i < size(); ++i) {
    const coco::ImageEntry& picture = entry(i);
    const std::int64_t numbers[] = {picture.id, picture.width, picture.height};
    contents.update(numbers, sizeof numbers);
    contents.update(picture.file_name.c_str(), picture.file_name.size() + 1);
    for (const coco::Annotation& annotation : of(i)) {
      contents.update(&annotation.category, sizeof annotation.category);
      contents.update(annotation.xywh.data(), sizeof annotation.xywh);
    }
    if (i % step != 0) continue;
    const std::string bytes = read_file(path(i));
    samples.update(bytes.data(), bytes.size());
  }
}

nlohmann::ordered_json coco_fingerprint(const DatasetInfo& info, const CocoSplit& train, const CocoSplit& val) {
  nlohmann::ordered_json json;
  json["name"] = info.name;
  json["task"] = info.task;
  json["classes"] = info.classes;
  json["train"] = train.size();
  json["val"] = val.size();
  Sha256 contents;
  Sha256 samples;
  train.add_to_fingerprint(contents, samples);
  val.add_to_fingerprint(contents, samples);
  json["annotations_sha256"] = contents.hex();
  json["samples_sha256"] = samples.hex();
  return json;
}

fs::path find_coco_folder(const DatasetOptions& options) {
  return find_folder("coco", options, {"."},
                     {"annotations/instances_train2017.json", "annotations/instances_train.json"});
}

}  // namespace denseshift::data
