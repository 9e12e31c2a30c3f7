// Seconds and memory of COCO's box evaluation at the size of its validation set, and of reading an instances file of
// the length of its training set:
//   coco_throughput [--images N] [--boxes N] [--detections N] [--instances N]
// --instances 0, the default, leaves the file out. Reported, never asserted.

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "core/data/coco/annotations.h"
#include "core/util/cpus.h"
#include "core/util/error.h"
#include "core/util/rng.h"

namespace {

using denseshift::RandomStream;
namespace coco = denseshift::data::coco;
namespace metrics = denseshift::metrics;

constexpr std::int64_t kCategories = 80;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Largest resident memory so far, MiB.
double peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::array<double, 4> random_box(RandomStream& random) {
  const double side = 8 * std::exp2(random.uniform(0, 5.5));
  const double width = side * random.uniform(0.6, 1.4), height = side * random.uniform(0.6, 1.4);
  return {random.uniform(0, 640 - width), random.uniform(0, 480 - std::min(height, 479.0)), width, height};
}

/// Categories are drawn unevenly, as people are a third of COCO.
std::int64_t random_category(RandomStream& random) {
  return 1 + static_cast<std::int64_t>(std::pow(random.uniform(0, 1), 3) * kCategories) % kCategories;
}

metrics::BoxTruth random_truth(std::int64_t images, std::int64_t boxes, RandomStream& random) {
  metrics::BoxTruth truth;
  for (std::int64_t i = 0; i < images; ++i) truth.images.push_back(3 * i + 1);
  for (std::int64_t c = 1; c <= kCategories; ++c) truth.categories.emplace_back(c, "category");
  for (std::int64_t i = 0; i < boxes; ++i) {
    const auto image = static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(images)));
    const auto box = random_box(random);
    truth.boxes.push_back(
        {truth.images[image], random_category(random), box, 0.7 * box[2] * box[3], random.below(70) == 0});
  }
  return truth;
}

/// Half are near a truth, as a detector's are; the others anywhere.
std::vector<metrics::Detection> random_detections(const metrics::BoxTruth& truth, std::int64_t count,
                                                  RandomStream& random) {
  std::vector<metrics::Detection> detections;
  for (std::int64_t i = 0; i < count; ++i) {
    const metrics::TruthBox& near = truth.boxes[random.below(truth.boxes.size())];
    metrics::Detection one{near.image, near.category, near.xywh, random.uniform(0, 1)};
    if (i % 2 == 0) {
      one = {truth.images[random.below(truth.images.size())], random_category(random), random_box(random),
             random.uniform(0, 0.6)};
    } else {
      for (std::size_t k = 0; k < 4; ++k) one.xywh[k] *= random.uniform(0.93, 1.07);
    }
    detections.push_back(one);
  }
  return detections;
}

/// Writes an instances file with polygons as long as COCO's.
void write_instances(const std::filesystem::path& path, std::int64_t instances) {
  RandomStream random(2);
  std::ofstream file(path);
  const std::int64_t images = std::max<std::int64_t>(instances / 7, 1);
  file << R"({"info": {}, "images": [)";
  for (std::int64_t i = 0; i < images; ++i) {
    file << (i == 0 ? "" : ", ")
         << fmt::format(R"({{"license": 3, "file_name": "{:012}.jpg", "height": 480, "width": 640, "id": {}}})", i, i);
  }
  file << R"(], "annotations": [)";
  for (std::int64_t i = 0; i < instances; ++i) {
    file << (i == 0 ? "" : ", ") << R"({"segmentation": [[)";
    for (std::uint64_t k = 0, points = 15 + random.below(25); k < points; ++k) {
      file << fmt::format("{}{:.2f},{:.2f}", k == 0 ? "" : ",", random.uniform(0, 640), random.uniform(0, 480));
    }
    const auto box = random_box(random);
    file << fmt::format(
        R"(]], "area": {:.4f}, "iscrowd": 0, "image_id": {}, "bbox": [{:.2f}, {:.2f}, {:.2f}, {:.2f}], "category_id": {}, "id": {}}})",
        box[2] * box[3], random.below(static_cast<std::uint64_t>(images)), box[0], box[1], box[2], box[3],
        random_category(random), 900000000000 + i);
  }
  file << R"(], "categories": [)";
  for (std::int64_t c = 1; c <= kCategories; ++c)
    file << fmt::format(R"({}{{"id": {}, "name": "c"}})", c == 1 ? "" : ", ", c);
  file << "]}";
}

void measure_evaluation(std::int64_t images, std::int64_t boxes, std::int64_t count) {
  RandomStream random(1);
  const metrics::BoxTruth truth = random_truth(images, boxes, random);
  const std::vector<metrics::Detection> detections = random_detections(truth, count, random);
  const double begin = now();
  const metrics::CocoNumbers result = metrics::evaluate_boxes(truth, detections);
  fmt::print("evaluate {} images, {} boxes, {} detections: {:.2f} s on {} CPUs, peak memory {:.0f} MiB (AP {:.4f})\n",
             images, boxes, count, now() - begin, denseshift::usable_cpus(), peak_memory(), result.numbers[0]);
}

void measure_reading(std::int64_t instances, bool segmentations) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("coco_throughput_{}.json", ::getpid());
  write_instances(path, instances);
  const double size = static_cast<double>(std::filesystem::file_size(path)) / 1e6, before = peak_memory();
  const double begin = now();
  try {
    const coco::Annotations read = coco::read_annotations(path, {.segmentations = segmentations});
    fmt::print("read {} instances, {:.0f} MB, {} regions: {:.2f} s, peak memory {:.0f} MiB (before {:.0f})\n",
               read.annotations.size(), size, segmentations ? "with" : "without", now() - begin, peak_memory(), before);
  } catch (const denseshift::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  std::filesystem::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::int64_t> sizes = {
      {"--images", 5000}, {"--boxes", 36000}, {"--detections", 500000}, {"--instances", 0}};
  for (int i = 1; i + 1 < argc; i += 2) sizes[argv[i]] = std::stoll(argv[i + 1]);
  measure_evaluation(sizes["--images"], sizes["--boxes"], sizes["--detections"]);
  if (sizes["--instances"] == 0) return 0;
  measure_reading(sizes["--instances"], false);
  measure_reading(sizes["--instances"], true);
  return 0;
}
