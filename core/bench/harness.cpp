#include "core/bench/harness.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numeric>
#include <stdexcept>

namespace denseshift::bench {
namespace {

constexpr std::size_t kChainAdditions = 100'000;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void chain_of_additions() {
  std::uint64_t sum = 0;
  std::uint64_t step = 1;
  // The empty statements keep the compiler from adding several steps at once.
  for (std::size_t i = 0; i < kChainAdditions / 10; ++i) {
#define DENSESHIFT_ADD \
  sum += step;         \
  __asm__ volatile("" : "+r"(sum), "+r"(step));
    DENSESHIFT_ADD DENSESHIFT_ADD DENSESHIFT_ADD DENSESHIFT_ADD DENSESHIFT_ADD DENSESHIFT_ADD DENSESHIFT_ADD
        DENSESHIFT_ADD DENSESHIFT_ADD DENSESHIFT_ADD
#undef DENSESHIFT_ADD
  }
  keep(&sum);
}

/// One candidate while it is measured.
struct Running {
  const Candidate* candidate = nullptr;
  std::size_t calls = 0;
  std::size_t repetitions = 1;
  std::vector<double> seconds;  ///< of one call, every round

  double sample(const std::function<double()>& clock, std::size_t count) {
    const double begin = clock();
    candidate->run(calls, count);
    const double end = clock();
    calls += count;
    return end - begin;
  }
};

/// Doubles the calls until a sample is long enough to extrapolate from; the first calls also warm up.
std::size_t choose_repetitions(Running& running, const HarnessOptions& options, const std::function<double()>& clock) {
  (void)running.sample(clock, 1);
  std::size_t count = 1;
  double seconds = running.sample(clock, count);
  while (seconds < options.sample_seconds / 4 && count < options.most_repetitions) {
    count *= 2;
    seconds = running.sample(clock, count);
  }
  if (seconds <= 0) return count;
  const double wanted = std::ceil(options.sample_seconds / (seconds / static_cast<double>(count)));
  return static_cast<std::size_t>(std::clamp(wanted, 1.0, static_cast<double>(options.most_repetitions)));
}

/// Fisher-Yates with a fixed generator: the same order on every platform.
void shuffle(std::vector<std::size_t>& order, std::uint64_t& state) {
  for (std::size_t i = order.size(); i > 1; --i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    std::swap(order[i - 1], order[(state >> 33) % i]);
  }
}

}  // namespace

double calibration_seconds() {
  const double begin = steady_seconds();
  chain_of_additions();
  return steady_seconds() - begin;
}

double estimated_clock() {
  double best = calibration_seconds();
  for (int i = 0; i < 200; ++i) best = std::min(best, calibration_seconds());
  return static_cast<double>(kChainAdditions) / best;
}

Selection select_rounds(const std::vector<double>& calibrator, double disturbed_above, double most_dropped) {
  Selection selection;
  if (calibrator.empty()) return selection;
  const double limit = *std::ranges::min_element(calibrator) * (1 + disturbed_above);
  std::vector<std::size_t> worst_first(calibrator.size());
  std::iota(worst_first.begin(), worst_first.end(), std::size_t{0});
  std::ranges::stable_sort(worst_first, [&](std::size_t a, std::size_t b) { return calibrator[a] > calibrator[b]; });
  const auto most = static_cast<std::size_t>(most_dropped * static_cast<double>(calibrator.size()));
  for (std::size_t i = 0; i < worst_first.size(); ++i) {
    const bool disturbed = calibrator[worst_first[i]] > limit;
    if (disturbed && i < most) continue;
    selection.kept.push_back(worst_first[i]);
    if (disturbed) ++selection.disturbed_kept;
  }
  std::ranges::sort(selection.kept);
  return selection;
}

const Timing& Measurement::timing(const std::string& name) const {
  const auto found = std::ranges::find(timings, name, &Timing::name);
  if (found == timings.end()) throw std::out_of_range("no candidate " + name);
  return *found;
}

Summary Measurement::speedup(const std::string& name, const std::string& baseline) const {
  const std::vector<double>& own = timing(name).seconds;
  const std::vector<double>& other = timing(baseline).seconds;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < own.size(); ++i) ratios.push_back(other[i] / own[i]);
  return summarise(ratios);
}

Measurement measure(const std::vector<Candidate>& candidates, const HarnessOptions& options) {
  const std::function<double()> clock = options.clock ? options.clock : steady_seconds;
  const std::function<double()> calibrator = options.calibrator ? options.calibrator : calibration_seconds;
  const std::function<double()> thread_clock = options.thread_clock ? options.thread_clock
                                               : options.clock      ? options.clock
                                                                    : thread_seconds;
  std::vector<Running> running(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    running[i].candidate = &candidates[i];
    running[i].repetitions = choose_repetitions(running[i], options, clock);
  }

  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::uint64_t state = options.seed;
  std::vector<double> calibration;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    shuffle(order, state);
    const double before = calibrator();
    const double begin = clock();
    const double ran = thread_clock();
    for (const std::size_t i : order) {
      if (options.untimed_calls > 0) (void)running[i].sample(clock, options.untimed_calls);
      running[i].seconds.push_back(running[i].sample(clock, running[i].repetitions) /
                                   static_cast<double>(running[i].repetitions));
    }
    const double share = (clock() - begin) / std::max(thread_clock() - ran, 1e-9);
    calibration.push_back(std::max(before, calibrator()) * std::max(share, 1.0));
    if (options.on_round) options.on_round(round + 1);
  }

  const Selection selection = select_rounds(calibration, options.disturbed_above, options.most_dropped);
  Measurement result;
  result.rounds = options.rounds;
  result.dropped = options.rounds - selection.kept.size();
  result.disturbed_kept = selection.disturbed_kept;
  result.calibrator = summarise(calibration);
  for (const Running& one : running) {
    Timing timing{one.candidate->name, one.candidate->label, one.candidate->group, one.repetitions, {}, {}};
    for (const std::size_t round : selection.kept) timing.seconds.push_back(one.seconds[round]);
    timing.summary = summarise(timing.seconds);
    result.timings.push_back(std::move(timing));
  }
  return result;
}

}  // namespace denseshift::bench
