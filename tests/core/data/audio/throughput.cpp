// Seconds that an hour of audio takes, on threads:
//   audio_throughput [THREADS]
// 1,440 recordings of 2.5 s as WAV files in a folder of their own: the front end alone (bytes in memory to normalised
// features), the first epoch of a loader without and with an empty cache on disk, with a full one, and a later epoch.
// Reported, never asserted.

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/data/datasets/speech.h"
#include "core/data/loader.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "tests/core/data/support.h"

namespace {

namespace data = denseshift::data;

constexpr int kRecordings = 1440;
constexpr std::int64_t kSamples = 40000;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<std::string> recordings() {
  std::vector<std::string> all;
  for (std::uint64_t i = 0; i < kRecordings; ++i) {
    denseshift::RandomStream random(i);
    std::vector<float> samples(kSamples);
    for (float& sample : samples) sample = static_cast<float>(random.uniform(-0.5, 0.5));
    all.push_back(data::encode_wav(samples, 16000));
  }
  return all;
}

/// Processor seconds of all threads: other work on the machine hardly shows.
double cpu_now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Seconds by the clock and of processors.
std::pair<double, double> front_end(const std::vector<std::string>& all, int threads) {
  const data::LogMel log_mel({});
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      data::Features features = log_mel.compute(data::decode_recording(all[i], "recording", {}));
      data::normalise(features);
    }
  };
  const double begin = now();
  const double cpu_begin = cpu_now();
  std::vector<std::thread> team;
  for (int i = 0; i < threads; ++i) team.emplace_back(work);
  for (std::thread& thread : team) thread.join();
  return {now() - begin, cpu_now() - cpu_begin};
}

void write_set(const std::vector<std::string>& all, const std::filesystem::path& root) {
  std::filesystem::create_directories(root / "data");
  std::filesystem::create_directories(root / "wavs");
  const std::string header = "path,action,object,location\n";
  std::string train = header;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string name = fmt::format("wavs/{}.wav", i);
    denseshift::AtomicFile file(root / name);
    file.write(all[i].data(), all[i].size());
    file.commit(/*durable=*/false);
    train += fmt::format("{},a{},b,c\n", name, i % 31);
  }
  denseshift::write_file(root / "data/train_data.csv", train);
  for (const char* table : {"valid", "test"}) {
    denseshift::write_file(root / fmt::format("data/{}_data.csv", table), header + "wavs/0.wav,a0,b,c\n");
  }
}

double epoch(data::Loader& loader, std::int64_t number) {
  const double begin = now();
  loader.start(number);
  while (loader.next() != nullptr) {
  }
  return now() - begin;
}

void measure(int threads) {
  const std::vector<std::string> all = recordings();
  std::pair<double, double> best = front_end(all, threads);
  for (int round = 0; round < 2; ++round) best = std::min(best, front_end(all, threads));
  fmt::print("one hour of audio, {} threads\n  front end, bytes to features   {:.2f} s ({:.2f} processor seconds)\n",
             threads, best.first, best.second);

  const data::TemporaryFolder folder("audio");
  write_set(all, folder / "set");
  data::DatasetOptions options;
  options.directory = (folder / "set").string();
  data::LoaderOptions loader_options;
  loader_options.workers = threads;
  for (const char* title : {"first epoch, no cache", "first epoch, empty cache", "first epoch, full cache"}) {
    const auto dataset = data::open_dataset("fsc", options);
    data::Loader loader(*dataset, loader_options);
    fmt::print("  {:<30} {:.2f} s\n", title, epoch(loader, 0));
    if (!options.feature_cache.empty()) fmt::print("  {:<30} {:.2f} s\n", "  the next epoch", epoch(loader, 1));
    options.feature_cache = (folder / "cache").string();
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    measure(argc > 1 ? std::stoi(argv[1]) : 2);
  } catch (const denseshift::Error& error) {
    fmt::print(stderr, "{}\n  hint: {}\n", error.what(), error.hint());
    return error.exit_status();
  }
  return 0;
}
