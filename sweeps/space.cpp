#include "sweeps/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "core/util/error.h"
#include "core/util/hash.h"
#include "core/util/rng.h"

namespace denseshift::sweeps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostTrials = 1000000;
/// Draws for one trial before a random search takes it that the space has no further combination.
constexpr std::uint64_t kDrawsPerTrial = 1000;

/// `value` with `digits` significant digits. Logarithms differ in their last bits between machines, and 3 * 0.1 is not
/// 0.3: rounding keeps configurations, and with them their hashes, equal everywhere.
double rounded(double value, int digits) { return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr); }

constexpr int kGridDigits = 12;
constexpr int kDrawnDigits = 6;

Json number(const Range& range, double value) {
  if (range.integer) return static_cast<std::int64_t>(std::llround(value));
  return value;
}

double grid_point(const Range& range, std::int64_t n) {
  const auto count = static_cast<double>(n);
  const double value = range.log ? range.low * std::pow(*range.step, count) : range.low + *range.step * count;
  return range.integer ? std::round(value) : rounded(value, kGridDigits);
}

/// Points of a range with a step.
std::int64_t grid_size(const Range& range) {
  constexpr double kSlack = 1e-9;  // 0.1 + 2 * 0.1 is above 0.3
  const double steps =
      range.log ? std::log(range.high / range.low) / std::log(*range.step) : (range.high - range.low) / *range.step;
  return 1 + static_cast<std::int64_t>(std::min(std::floor(steps + kSlack), 1e9));
}

Json draw_from(const Range& range, RandomStream& random) {
  if (range.step) {
    return number(
        range,
        grid_point(range, static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(grid_size(range))))));
  }
  if (range.integer && !range.log) {
    const auto low = static_cast<std::int64_t>(range.low);
    const auto count = static_cast<std::uint64_t>(static_cast<std::int64_t>(range.high) - low + 1);
    return low + static_cast<std::int64_t>(random.below(count));
  }
  // Whole numbers share the interval up to the next one, so that `high` is as likely as its neighbours.
  const double top = range.integer ? range.high + 1 : range.high;
  double value =
      range.log ? std::exp(random.uniform(std::log(range.low), std::log(top))) : random.uniform(range.low, range.high);
  value = range.integer ? std::floor(rounded(value, kDrawnDigits)) : rounded(value, kDrawnDigits);
  return number(range, std::clamp(value, range.low, range.high));
}

std::uint64_t key_number(const std::string& key) {
  constexpr std::size_t kDigits = 16;
  constexpr int kHexadecimal = 16;
  return std::strtoull(sha256(key.data(), key.size()).substr(0, kDigits).c_str(), nullptr, kHexadecimal);
}

Json draw(const Dimension& dimension, std::uint64_t seed, std::uint64_t trial) {
  RandomStream random(seed, trial, key_number(dimension.key));
  if (dimension.range) return draw_from(*dimension.range, random);
  return dimension.values[random.below(dimension.values.size())];
}

void add_new(std::vector<Trial>& trials, Trial trial) {
  if (std::ranges::find(trials, trial) == trials.end()) trials.push_back(std::move(trial));
}

std::vector<Trial> grid(const Sweep& sweep) {
  std::vector<std::vector<Json>> values;
  std::size_t count = 1;
  for (const Dimension& dimension : sweep.space) {
    values.push_back(grid_values(dimension));
    count *= values.back().size();
    if (count > kMostTrials) {
      throw usage_error(fmt::format("{}: the grid has more than {} combinations", sweep.file, kMostTrials),
                        "use a random search");
    }
  }
  std::vector<Trial> trials;
  for (std::size_t index = 0; index < count; ++index) {
    Trial trial;
    std::size_t block = count;
    for (std::size_t d = 0; d < values.size(); ++d) {
      block /= values[d].size();
      trial.keys[sweep.space[d].key] = values[d][index / block % values[d].size()];
    }
    trials.push_back(std::move(trial));
  }
  return trials;
}

std::vector<Trial> random(const Sweep& sweep) {
  const auto wanted = static_cast<std::size_t>(sweep.trials);
  std::vector<Trial> trials;
  std::uint64_t idle = 0;
  for (std::uint64_t index = 0; trials.size() < wanted && idle < kDrawsPerTrial; ++index) {
    Trial trial;
    for (const Dimension& dimension : sweep.space) trial.keys[dimension.key] = draw(dimension, sweep.seed, index);
    const std::size_t before = trials.size();
    add_new(trials, std::move(trial));
    idle = trials.size() == before ? idle + 1 : 0;
  }
  return trials;
}

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace

std::vector<std::string> Sweep::searched_keys() const {
  std::vector<std::string> keys;
  for (const Dimension& dimension : space) keys.push_back(dimension.key);
  for (const Trial& trial : list) {
    for (const auto& item : trial.keys.items()) {
      if (std::ranges::find(keys, item.key()) == keys.end()) keys.push_back(item.key());
    }
  }
  return keys;
}

std::vector<Json> grid_values(const Dimension& dimension) {
  if (!dimension.range) return dimension.values;
  const std::int64_t size = grid_size(*dimension.range);
  if (size > static_cast<std::int64_t>(kMostTrials)) {
    throw usage_error(fmt::format("{}: the range has more than {} steps", dimension.key, kMostTrials),
                      "use a larger step");
  }
  std::vector<Json> values;
  for (std::int64_t n = 0; n < size; ++n) {
    Json value = number(*dimension.range, grid_point(*dimension.range, n));
    if (values.empty() || values.back() != value) values.push_back(std::move(value));  // rounding may join neighbours
  }
  return values;
}

std::vector<Trial> make_trials(const Sweep& sweep) {
  if (!sweep.list.empty()) {
    std::vector<Trial> trials;
    for (const Trial& trial : sweep.list) add_new(trials, trial);
    return trials;
  }
  return sweep.trials > 0 ? random(sweep) : grid(sweep);
}

std::vector<Training> make_trainings(const Sweep& sweep, const std::vector<Trial>& trials,
                                     const std::vector<std::size_t>& chosen, std::int64_t epochs) {
  std::vector<Training> trainings;
  for (const std::size_t index : chosen) {
    Json keys = sweep.base;
    for (const auto& item : trials[index].keys.items()) keys[item.key()] = item.value();
    if (epochs > 0) keys["epochs"] = epochs;
    const std::vector<std::uint64_t> none = {0};
    for (const std::uint64_t seed : sweep.seeds.empty() ? none : sweep.seeds) {
      if (!sweep.seeds.empty()) keys["seed"] = seed;
      Training training{.trial = index, .config = {}, .given = {}};
      try {
        training.config = experiments::config_from_json(keys);
        experiments::validate(training.config);
      } catch (const Error& error) {
        throw usage_error(fmt::format("{}: trial {}: {}", sweep.file, label(trials[index]), error.what()),
                          error.hint());
      }
      for (const auto& item : keys.items()) training.given.push_back(item.key());
      trainings.push_back(std::move(training));
    }
  }
  return trainings;
}

std::string label(const Trial& trial) {
  std::string words;
  for (const auto& item : trial.keys.items()) {
    words += fmt::format("{}{}={}", words.empty() ? "" : " ", item.key(), text(item.value()));
  }
  return words;
}

}  // namespace denseshift::sweeps
