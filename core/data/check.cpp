#include "core/data/check.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "core/util/error.h"

namespace denseshift::data {
namespace {

constexpr std::int64_t kPiece = 64;

}  // namespace

std::vector<BrokenEntry> check_dataset(const Dataset& dataset, std::int64_t workers,
                                       const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const std::int64_t train = dataset.size(Split::train);
  const std::int64_t val = dataset.size(Split::val);
  const std::int64_t total = train + val + dataset.size(Split::test);
  std::mutex mutex;
  std::int64_t next = 0;
  std::vector<BrokenEntry> broken;
  const auto work = [&] {
    while (true) {
      std::int64_t from = 0;
      {
        const std::lock_guard lock(mutex);
        if (next >= total) return;
        from = next;
        next = std::min(total, next + kPiece);
        if (progress) progress(from, total);
      }
      for (std::int64_t i = from; i < std::min(total, from + kPiece); ++i) {
        const Split split = i < train ? Split::train : i < train + val ? Split::val : Split::test;
        const std::int64_t index = i - (i < train ? 0 : i < train + val ? train : train + val);
        try {
          dataset.verify(split, index);
        } catch (const std::exception& error) {
          const std::lock_guard lock(mutex);
          broken.push_back({split, index, error.what()});
        }
      }
    }
  };
  std::vector<std::thread> threads;
  for (std::int64_t i = 1; i < std::clamp<std::int64_t>(workers, 1, 256); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  std::sort(broken.begin(), broken.end(), [](const BrokenEntry& a, const BrokenEntry& b) {
    return std::pair(a.split, a.index) < std::pair(b.split, b.index);
  });
  return broken;
}

}  // namespace denseshift::data
