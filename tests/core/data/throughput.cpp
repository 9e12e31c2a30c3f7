// Images per second of one thread and of the loader, for every dataset that its arguments make available:
//   data_throughput [--folder DIR] [--cifar10 DIR] [--coco DIR] [--voc DIR]
// Reported, never asserted.

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/util/error.h"

namespace {

using denseshift::RandomStream;
namespace data = denseshift::data;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Processor seconds of this thread: other work on the machine hardly shows.
double cpu_now() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Images per processor second of loading; the best of several rounds.
double direct(const data::Dataset& dataset, bool augment) {
  data::Sample sample;
  const data::Split split = augment ? data::Split::train : data::Split::val;
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    const double begin = cpu_now();
    std::int64_t images = 0;
    while (cpu_now() - begin < 0.5) {
      for (int i = 0; i < 16; ++i, ++images) {
        RandomStream random(static_cast<std::uint64_t>(round), static_cast<std::uint64_t>(images));
        dataset.load_sample(split, images % dataset.size(split), augment, random, sample);
      }
    }
    best = std::max(best, static_cast<double>(images) / (cpu_now() - begin));
  }
  return best;
}

double through_loader(const data::Dataset& dataset, std::int64_t workers) {
  data::LoaderOptions options;
  options.workers = workers;
  data::Loader loader(dataset, options);
  double best = 0;
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    const double begin = now();
    std::int64_t images = 0;
    for (std::int64_t repeat = 0; now() - begin < 0.5; ++repeat) {
      loader.start(epoch * 1000 + repeat);
      while (const data::Batch* batch = loader.next()) images += batch->count;
    }
    best = std::max(best, static_cast<double>(images) / (now() - begin));
  }
  return best;
}

void measure(const std::string& name, const std::string& directory, std::int64_t image_size,
             const std::string& task = "", const std::string& transform = "") {
  data::DatasetOptions options;
  options.directory = directory;
  options.image_size = image_size;
  options.task = task;
  options.transform = transform;
  const auto dataset = data::open_dataset(name, options);
  fmt::print(
      "{:<12} {:<7} {:>4} px  load train {:>8.0f}  load val {:>8.0f}  loader 1 worker {:>8.0f}  2 workers {:>8.0f}  "
      "img/s\n",
      name, transform, dataset->info().image_size, direct(*dataset, true), direct(*dataset, false),
      through_loader(*dataset, 1), through_loader(*dataset, 2));
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  const std::string folder = given["--folder"];
  const std::string cifar = given["--cifar10"];
  const std::string coco = given["--coco"];
  const std::string voc = given["--voc"];
  try {
    measure("shapes", "", 64);
    measure("shapes", "", 32);
    if (!cifar.empty()) measure("cifar10", cifar, 0);
    if (!folder.empty()) measure("imagefolder", folder, 224);
    if (!folder.empty()) measure("imagefolder", folder, 64);
    if (!coco.empty()) measure("coco", coco, 300, "detection", "ssd");
    if (!coco.empty()) measure("coco", coco, 800, "detection", "fcos");
    if (!voc.empty()) measure("voc", voc, 480, "segmentation", "deeplab");
  } catch (const denseshift::Error& error) {
    fmt::print(stderr, "{}\n  hint: {}\n", error.what(), error.hint());
    return error.exit_status();
  }
  return 0;
}
