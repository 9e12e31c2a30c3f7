#include "core/data/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "core/util/error.h"

namespace denseshift::data {
namespace {

// Purposes of random streams; the split is added so that train and val never share one.
constexpr std::uint64_t kOrderStream = 0x10;
constexpr std::uint64_t kAugmentStream = 0x20;
constexpr std::uint64_t kSubsetStream = 0x30;

/// Samples a worker takes at once when each costs a decode: few, so that one batch is shared by all workers.
constexpr std::int64_t kDecodeGrain = 8;

std::vector<std::int64_t> choose_samples(std::int64_t size, std::int64_t limit, std::uint64_t seed,
                                         std::uint64_t split) {
  RandomStream random(seed, kSubsetStream + split);
  std::vector<std::int64_t> all = permutation(size, random);
  if (limit > 0 && limit < size) all.resize(static_cast<std::size_t>(limit));
  std::sort(all.begin(), all.end());
  return all;
}

/// Shuffled samples brought into an order in which each run of `batch_size` has one range of width over height: a batch
/// is complete when its range has enough samples. What is left over follows in the order of the ranges.
std::vector<std::int64_t> grouped(const Dataset& dataset, Split split, const std::vector<std::int64_t>& order,
                                  std::int64_t batch_size) {
  // Seven edges from 1/2 to 2, as in torchvision's reference training.
  constexpr double kEdges = 7;
  std::vector<std::vector<std::int64_t>> waiting(static_cast<std::size_t>(kEdges) + 1);
  std::vector<std::int64_t> result;
  result.reserve(order.size());
  for (const std::int64_t sample : order) {
    const double octave = std::log2(std::max(1e-9, dataset.aspect_ratio(split, sample)));
    const double range = std::clamp(std::floor((octave + 1) * (kEdges - 1) / 2) + 1, 0.0, kEdges);
    std::vector<std::int64_t>& group = waiting[static_cast<std::size_t>(range)];
    group.push_back(sample);
    if (std::ssize(group) == batch_size) {
      result.insert(result.end(), group.begin(), group.end());
      group.clear();
    }
  }
  for (const auto& group : waiting) result.insert(result.end(), group.begin(), group.end());
  return result;
}

/// One batch of samples of unequal size: pads each at the bottom and right.
void collate(std::vector<Sample>& samples, std::int64_t channels, std::int64_t multiple, Batch& batch) {
  batch.height = batch.width = 1;
  bool masks = false;
  for (const Sample& sample : samples) {
    batch.height = std::max(batch.height, sample.info.height);
    batch.width = std::max(batch.width, sample.info.width);
    masks = masks || !sample.info.mask.empty();
  }
  batch.height = (batch.height + multiple - 1) / multiple * multiple;
  batch.width = (batch.width + multiple - 1) / multiple * multiple;
  const std::int64_t area = batch.height * batch.width;
  batch.count = std::ssize(samples);
  batch.images.assign(static_cast<std::size_t>(batch.count * channels * area), 0.0F);
  batch.masks.assign(masks ? static_cast<std::size_t>(batch.count * area) : 0, kIgnoredPixel);
  batch.labels.resize(samples.size());
  batch.samples.resize(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    SampleInfo& info = samples[i].info;
    const auto first = static_cast<std::int64_t>(i);
    for (std::int64_t line = 0; line < channels * info.height; ++line) {
      const std::int64_t plane = first * channels + line / info.height;
      std::copy_n(samples[i].values.data() + line * info.width, info.width,
                  batch.images.data() + plane * area + line % info.height * batch.width);
    }
    for (std::int64_t y = 0; y < info.height && !info.mask.empty(); ++y) {
      std::copy_n(info.mask.data() + y * info.width, info.width, batch.masks.data() + first * area + y * batch.width);
    }
    batch.labels[i] = info.label;
    info.mask.clear();
    std::swap(batch.samples[i], info);
  }
}

/// One place of the ring: a batch that is being filled, is ready, or is in the caller's hands.
struct Slot {
  Batch batch;
  std::vector<Sample> samples;                                      ///< of sets without a fixed size
  std::int64_t total = 0;                                           ///< samples to fill
  std::int64_t next = 0;                                            ///< first sample that nobody has taken
  std::int64_t done = 0;                                            ///< samples filled or found broken
  std::vector<char> broken;                                         ///< per sample
  std::vector<std::pair<std::int64_t, std::exception_ptr>> errors;  ///< sample in batch, what happened
};

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace

// Batch number b of the epoch lives in slot b % ring. `issued` batches have been given to workers or are about to be,
// `consumed` have been returned by next(); the ring holds the difference. All of it is guarded by `mutex`, except that
// the worker which took samples [from, to) of a slot alone writes their pixels, labels and flags.
struct Loader::State {
  State(const Dataset& set, LoaderOptions given)
      : dataset(set),
        options(given),
        split_key(given.split == Split::train ? 0 : 1),
        chosen(choose_samples(set.size(given.split), given.limit, given.seed, split_key)),
        fixed(set.info().fixed_size),
        sample_floats(set.info().channels * set.info().image_size * set.info().image_size) {
    if (options.batch_size < 1) throw usage_error("batch size must be at least 1");
    if (options.workers < 0 || options.workers > 1024) throw usage_error("workers must be 0 to 1024");
    grain = set.info().in_memory ? options.batch_size : kDecodeGrain;
    slots.resize(static_cast<std::size_t>(options.workers == 0 ? 1 : std::max<std::int64_t>(options.queue, 1) + 1));
    batch_count = (std::ssize(chosen) + options.batch_size - 1) / options.batch_size;
    if (options.drop_last && std::ssize(chosen) % options.batch_size != 0 && batch_count > 1) --batch_count;
    issued = consumed = batch_count;  // nothing to do before start()
    for (std::int64_t i = 0; i < options.workers; ++i) threads.emplace_back([this] { work(); });
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      ++generation;
    }
    work_ready.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  Slot& slot(std::int64_t batch) { return slots[static_cast<std::size_t>(batch % std::ssize(slots))]; }

  /// Makes the slot of batch `number` ready to be filled.
  void prepare(std::int64_t number) {
    Slot& s = slot(number);
    s.total = std::min(options.batch_size, std::ssize(chosen) - number * options.batch_size);
    s.next = s.done = 0;
    s.errors.clear();
    s.broken.assign(static_cast<std::size_t>(s.total), 0);
    if (fixed) {
      s.batch.images.resize(static_cast<std::size_t>(s.total * sample_floats));
      s.batch.labels.resize(static_cast<std::size_t>(s.total));
      s.batch.height = s.batch.width = dataset.info().image_size;
    } else {
      s.samples.resize(static_cast<std::size_t>(s.total));
    }
    s.batch.count = s.total;
    s.batch.position = number;
  }

  /// Fills samples [from, to) of a slot; stops early when the epoch was dropped. Errors are returned by sample.
  void fill(Slot& s, std::int64_t from, std::int64_t to, std::uint64_t of_generation,
            std::vector<std::pair<std::int64_t, std::exception_ptr>>& errors) {
    for (std::int64_t i = from; i < to && generation.load(std::memory_order_relaxed) == of_generation; ++i) {
      const std::int64_t sample = order[static_cast<std::size_t>(s.batch.position * options.batch_size + i)];
      RandomStream random(options.seed, kAugmentStream + split_key, static_cast<std::uint64_t>(epoch),
                          static_cast<std::uint64_t>(sample));
      try {
        if (fixed) {
          s.batch.labels[static_cast<std::size_t>(i)] =
              dataset.load(options.split, sample, options.augment, random, s.batch.images.data() + i * sample_floats);
        } else {
          dataset.load_sample(options.split, sample, options.augment, random, s.samples[static_cast<std::size_t>(i)]);
        }
      } catch (...) {
        s.broken[static_cast<std::size_t>(i)] = 1;
        errors.emplace_back(i, std::current_exception());
      }
    }
  }

  /// The batch that has samples nobody has taken, opening a new one when the ring has room; -1 if there is nothing to
  /// do.
  std::int64_t find_work() {
    for (std::int64_t b = consumed; b < issued; ++b) {
      if (slot(b).next < slot(b).total) return b;
    }
    const std::int64_t held = holding ? 1 : 0;  // the batch that the caller still reads
    if (issued < batch_count && issued - consumed + held < std::ssize(slots)) {
      prepare(issued);
      return issued++;
    }
    return -1;
  }

  void work() {
    std::unique_lock lock(mutex);
    std::vector<std::pair<std::int64_t, std::exception_ptr>> errors;
    while (true) {
      std::int64_t number = -1;
      work_ready.wait(lock, [&] { return stopping || (number = find_work()) >= 0; });
      if (stopping) return;
      Slot& s = slot(number);
      const std::int64_t from = s.next;
      const std::int64_t to = std::min(from + grain, s.total);
      s.next = to;
      ++active;
      const std::uint64_t of_generation = generation.load(std::memory_order_relaxed);
      lock.unlock();
      errors.clear();
      fill(s, from, to, of_generation, errors);
      lock.lock();
      --active;
      if (of_generation == generation.load(std::memory_order_relaxed)) {
        s.done += to - from;
        s.errors.insert(s.errors.end(), errors.begin(), errors.end());
        if (s.done == s.total) batch_ready.notify_all();
      } else if (active == 0) {
        batch_ready.notify_all();
      }
    }
  }

  void start(std::int64_t new_epoch, std::int64_t first) {
    std::unique_lock lock(mutex);
    ++generation;
    issued = consumed = batch_count;
    batch_ready.wait(lock, [&] { return active == 0; });
    epoch = new_epoch;
    order = chosen;
    if (options.shuffle) {
      RandomStream random(options.seed, kOrderStream + split_key, static_cast<std::uint64_t>(epoch));
      const std::vector<std::int64_t> shuffled = permutation(std::ssize(chosen), random);
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = chosen[static_cast<std::size_t>(shuffled[i])];
    }
    if (options.group_by_aspect) order = grouped(dataset, options.split, order, options.batch_size);
    issued = consumed = std::clamp<std::int64_t>(first, 0, batch_count);
    holding = false;
    waited = 0;
    lock.unlock();
    work_ready.notify_all();
  }

  /// Waits until batch `consumed` is complete; without workers fills it here.
  Slot& completed(std::unique_lock<std::mutex>& lock) {
    if (options.workers == 0) {
      if (issued == consumed) {
        prepare(issued++);
        Slot& s = slot(consumed);
        fill(s, 0, s.total, generation.load(std::memory_order_relaxed), s.errors);
        s.next = s.done = s.total;
      }
      return slot(consumed);
    }
    const auto complete = [&] { return issued > consumed && slot(consumed).done == slot(consumed).total; };
    if (!complete()) {
      const auto begin = std::chrono::steady_clock::now();
      batch_ready.wait(lock, complete);
      waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    return slot(consumed);
  }

  /// Closes the gaps that broken samples left and notes their messages.
  void leave_out_broken(Slot& s) {
    std::sort(s.errors.begin(), s.errors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [index, error] : s.errors) skipped.push_back(message_of(error));
    std::int64_t kept = 0;
    for (std::int64_t i = 0; i < s.total; ++i) {
      if (s.broken[static_cast<std::size_t>(i)] != 0) continue;
      if (kept != i && !fixed) {
        std::swap(s.samples[static_cast<std::size_t>(kept)], s.samples[static_cast<std::size_t>(i)]);
      } else if (kept != i) {
        std::copy_n(s.batch.images.data() + i * sample_floats, sample_floats,
                    s.batch.images.data() + kept * sample_floats);
        s.batch.labels[static_cast<std::size_t>(kept)] = s.batch.labels[static_cast<std::size_t>(i)];
      }
      ++kept;
    }
    s.batch.count = kept;
    s.samples.resize(static_cast<std::size_t>(fixed ? 0 : kept));
    if (!fixed) return;
    s.batch.images.resize(static_cast<std::size_t>(kept * sample_floats));
    s.batch.labels.resize(static_cast<std::size_t>(kept));
  }

  const Batch* next() {
    std::unique_lock lock(mutex);
    release_held();
    while (consumed < batch_count) {
      Slot& s = completed(lock);
      if (!s.errors.empty()) {
        if (options.broken == BrokenSample::fail) {
          const auto first = std::min_element(s.errors.begin(), s.errors.end(),
                                              [](const auto& a, const auto& b) { return a.first < b.first; });
          std::rethrow_exception(first->second);  // the batch stays where it is: the next call throws again
        }
        leave_out_broken(s);
      }
      ++consumed;
      holding = true;
      if (s.batch.count > 0) {
        // The slot is the caller's from here on: workers leave it alone until it is released.
        lock.unlock();
        if (!fixed) collate(s.samples, dataset.info().channels, dataset.info().pad_multiple, s.batch);
        return &s.batch;
      }
      release_held();
    }
    return nullptr;
  }

  /// The batch that next() returned last may be overwritten from now on.
  void release_held() {
    if (!holding) return;
    holding = false;
    work_ready.notify_all();
  }

  const Dataset& dataset;
  const LoaderOptions options;
  const std::uint64_t split_key;
  const std::vector<std::int64_t> chosen;  ///< samples of every epoch, in index order
  const bool fixed;                        ///< all samples have the size of the dataset
  const std::int64_t sample_floats;
  std::int64_t grain = 1;
  std::int64_t batch_count = 0;

  mutable std::mutex mutex;
  std::condition_variable work_ready;
  std::condition_variable batch_ready;
  std::vector<Slot> slots;
  std::vector<std::int64_t> order;  ///< samples of this epoch; changes only while no worker is active
  std::int64_t epoch = 0;
  std::int64_t issued = 0;
  std::int64_t consumed = 0;
  std::int64_t active = 0;  ///< workers that are filling
  bool holding = false;
  bool stopping = false;
  double waited = 0;
  std::vector<std::string> skipped;
  std::atomic<std::uint64_t> generation{0};  ///< counts start(): workers drop what belongs to an older one
  std::vector<std::thread> threads;          ///< last: they use everything above
};

Loader::Loader(const Dataset& dataset, LoaderOptions options) : state_(std::make_unique<State>(dataset, options)) {}
Loader::~Loader() = default;

std::int64_t Loader::batches() const { return state_->batch_count; }
std::int64_t Loader::samples() const { return std::ssize(state_->chosen); }
void Loader::start(std::int64_t epoch, std::int64_t first) { state_->start(epoch, first); }
const Batch* Loader::next() { return state_->next(); }

std::vector<std::string> Loader::skipped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->skipped;
}

double Loader::waited_seconds() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waited;
}

}  // namespace denseshift::data
