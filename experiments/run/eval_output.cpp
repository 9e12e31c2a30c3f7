#include "experiments/run/eval_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/data/coco/results.h"
#include "core/data/export.h"
#include "core/data/image/draw.h"
#include "core/data/image/label_map.h"
#include "core/util/atomic_file.h"
#include "experiments/plot/heat_map.h"

namespace denseshift::experiments {
namespace {

namespace fs = std::filesystem;

/// Small pictures are enlarged before anything is drawn, so that captions can be read.
constexpr std::int64_t kLegibleSide = 320;

void make_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw work_error(folder.string() + ": cannot be made: " + code.message());
}

/// The nearest pixel of a map for each of a larger or smaller one.
data::LabelMap resized(const Predictions::Map& map, std::int64_t width, std::int64_t height) {
  data::LabelMap out{width, height, {}};
  out.labels.reserve(static_cast<std::size_t>(width * height));
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t row = y * map.info.height / height;
    for (std::int64_t x = 0; x < width; ++x) {
      out.labels.push_back(map.classes[static_cast<std::size_t>(row * map.info.width + x * map.info.width / width)]);
    }
  }
  return out;
}

data::Image enlarged(const data::Image& image, std::int64_t factor) {
  data::Image out;
  out.resize(image.width * factor, image.height * factor);
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) out.row(y)[x] = image.row(y / factor)[x / factor];
  }
  return out;
}

/// The picture of a sample and by how much it was enlarged.
data::Image picture_of(const Setup& setup, data::Split split, std::int64_t index, std::int64_t& factor) {
  data::Image image;
  (void)setup.dataset->pixels(split, index, image);
  const std::int64_t side = std::max<std::int64_t>(1, std::min(image.width, image.height));
  factor = std::max<std::int64_t>(1, (kLegibleSide + side - 1) / side);
  return factor == 1 ? image : enlarged(image, factor);
}

data::Image draw_boxes(const Setup& setup, data::Split split, const data::SampleInfo& info, double score) {
  std::int64_t factor = 1;
  data::Image image = picture_of(setup, split, info.index, factor);
  const data::DatasetInfo& facts = setup.dataset->info();
  std::vector<metrics::Detection> boxes;
  for (const metrics::Detection& box : setup.task->predictions.boxes) {
    if (box.image == info.image && box.score >= score) boxes.push_back(box);
  }
  // The surest last, on top.
  std::ranges::stable_sort(boxes, {}, &metrics::Detection::score);
  for (const metrics::Detection& box : boxes) {
    const auto found = std::ranges::find(facts.category_ids, box.category);
    const auto label = found - facts.category_ids.begin();
    const auto f = static_cast<double>(factor);
    data::draw_captioned_box(
        image, {f * box.xywh[0], f * box.xywh[1], f * (box.xywh[0] + box.xywh[2]), f * (box.xywh[1] + box.xywh[3])},
        fmt::format("{} {:.2f}", facts.class_names.at(static_cast<std::size_t>(label)), box.score),
        data::class_colour(label));
  }
  return image;
}

data::Image draw_classes(const Setup& setup, data::Split split, const Predictions::Map& map) {
  std::int64_t factor = 1;
  data::Image image = picture_of(setup, split, map.info.index, factor);
  const bool background = setup.dataset->info().class_names.front() == "background";
  data::blend_labels(image, resized(map, image.width, image.height), 0.6, background ? 0 : -1);
  return image;
}

plot::HeatMap confusion_map(const Setup& setup, data::Split split, const metrics::IntentAccuracy& intents) {
  plot::HeatMap map;
  map.names = setup.dataset->info().class_names;
  for (std::int64_t truth = 0; truth < intents.intents().size(); ++truth) {
    for (std::int64_t predicted = 0; predicted < intents.intents().size(); ++predicted) {
      map.counts.push_back(intents.confusion(truth, predicted));
    }
  }
  const TrainConfig& config = setup.config;
  map.title = fmt::format("{} {}: {:.2f} % of {} recordings right", config.dataset, data::split_name(split),
                          100 * intents.accuracy(), intents.samples());
  map.notes = {
      fmt::format("{}, {}, {} bits. Numbers are recordings; the darker a cell, the larger its share of the "
                  "recordings of that intent. Blue: right.",
                  config.arch, config.method, config.wbits)};
  return map;
}

[[noreturn]] void nothing_to_write(const Setup& setup) {
  throw usage_error("the task " + setup.config.task + " has no predictions to write",
                    "pictures and files are made of detections, class maps and intents");
}

}  // namespace

std::vector<fs::path> write_predictions(const Setup& setup, const fs::path& folder) {
  const Predictions& predictions = setup.task->predictions;
  std::vector<fs::path> files;
  if (setup.config.task == "classification") nothing_to_write(setup);
  make_folder(folder);
  if (setup.config.task == "detection") {
    files.push_back(folder / "results.json");
    data::coco::write_results(files.back(), predictions.boxes);
  } else if (setup.config.task == "speech") {
    files.push_back(folder / "confusion.csv");
    write_file(files.back(), predictions.intents->confusion_csv());
  }
  for (const Predictions::Map& map : predictions.maps) {
    files.push_back(folder / fmt::format("{:06}.png", map.info.image));
    const bool original = map.info.original_width > 0;
    write_file(files.back(), data::encode_label_png(resized(map, original ? map.info.original_width : map.info.width,
                                                            original ? map.info.original_height : map.info.height)));
  }
  return files;
}

void check_confusion_file(const fs::path& file) {
  if (file.extension() == ".csv" || file.extension() == ".svg") return;
  throw usage_error("--confusion: " + file.string() + " ends neither in .csv nor in .svg");
}

fs::path write_confusion(const Setup& setup, data::Split split, const fs::path& file) {
  check_confusion_file(file);
  if (!setup.task->predictions.intents) {
    throw usage_error("--confusion is for speech, and this is a network for " + setup.config.task);
  }
  const metrics::IntentAccuracy& intents = *setup.task->predictions.intents;
  fs::path path = file;
  if (split != data::Split::val) {
    path.replace_filename(
        fmt::format("{}-{}{}", file.stem().string(), data::split_name(split), file.extension().string()));
  }
  if (path.has_parent_path()) make_folder(path.parent_path());
  write_file(path, path.extension() == ".csv" ? intents.confusion_csv()
                                              : plot::draw(confusion_map(setup, split, intents), plot::Theme::light));
  return path;
}

std::vector<fs::path> draw_predictions(const Setup& setup, data::Split split, std::int64_t count, double score,
                                       const fs::path& folder) {
  const Predictions& predictions = setup.task->predictions;
  std::vector<fs::path> files;
  if (setup.config.task != "detection" && setup.config.task != "segmentation") nothing_to_write(setup);
  make_folder(folder);
  const auto write = [&](const data::SampleInfo& info, const data::Image& image) {
    files.push_back(folder / fmt::format("drawn-{:06}.png", info.image));
    write_file(files.back(), data::encode_png(image));
  };
  for (const data::SampleInfo& info : predictions.samples) {
    if (std::ssize(files) == count) return files;
    write(info, draw_boxes(setup, split, info, score));
  }
  for (const Predictions::Map& map : predictions.maps) {
    if (std::ssize(files) == count) return files;
    write(map.info, draw_classes(setup, split, map));
  }
  return files;
}

}  // namespace denseshift::experiments
