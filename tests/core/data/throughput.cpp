// Images per second of one thread and of the loader, for every dataset that its arguments make available:
//   data_throughput [--folder DIR] [--cifar10 DIR]
// Reported, never asserted.

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <ctime>
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

/// Images per processor second of load(); the best of several rounds.
double direct(const data::Dataset& dataset, bool augment) {
  std::vector<float> out(static_cast<std::size_t>(3 * dataset.info().image_size * dataset.info().image_size));
  const data::Split split = augment ? data::Split::train : data::Split::val;
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    const double begin = cpu_now();
    std::int64_t images = 0;
    while (cpu_now() - begin < 0.5) {
      for (int i = 0; i < 16; ++i, ++images) {
        RandomStream random(static_cast<std::uint64_t>(round), static_cast<std::uint64_t>(images));
        dataset.load(split, images % dataset.size(split), augment, random, out.data());
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

void measure(const std::string& name, const std::string& directory, std::int64_t image_size) {
  const auto dataset = data::open_dataset(name, {.directory = directory, .image_size = image_size});
  fmt::print(
      "{:<12} {:>4} px  load train {:>8.0f}  load val {:>8.0f}  loader 1 worker {:>8.0f}  2 workers {:>8.0f}  img/s\n",
      name, dataset->info().image_size, direct(*dataset, true), direct(*dataset, false), through_loader(*dataset, 1),
      through_loader(*dataset, 2));
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  std::string cifar;
  for (int i = 1; i + 1 < argc; i += 2) (std::string(argv[i]) == "--folder" ? folder : cifar) = argv[i + 1];
  try {
    measure("shapes", "", 64);
    measure("shapes", "", 32);
    if (!cifar.empty()) measure("cifar10", cifar, 0);
    if (!folder.empty()) measure("imagefolder", folder, 224);
    if (!folder.empty()) measure("imagefolder", folder, 64);
  } catch (const denseshift::Error& error) {
    fmt::print(stderr, "{}\n  hint: {}\n", error.what(), error.hint());
    return error.exit_status();
  }
  return 0;
}
