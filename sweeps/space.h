#pragma once
// A sweep: what is searched, how trials are drawn from it, and what ranks them. Read from a JSON file (docs/sweeps.md).

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "experiments/config/train_config.h"
#include "sweeps/json_source.h"

namespace denseshift::sweeps {

/// How trials come about.
enum class Search {
  grid,     ///< every combination of the space's values
  random,   ///< `trials` draws from the space
  list,     ///< the combinations that the file lists
  halving,  ///< one of these three, trained in rungs of growing length of which only the best trials reach the next
};

/// Numbers between two ends, both included.
struct Range {
  double low = 0;
  double high = 0;
  bool log = false;            ///< evenly spread on a logarithmic scale
  std::optional<double> step;  ///< only low + n * step; on a logarithmic scale low * step^n
  bool integer = false;        ///< the key takes whole numbers
};

/// One searched key: values, or a range.
struct Dimension {
  std::string key;
  std::vector<nlohmann::ordered_json> values;
  std::optional<Range> range;
};

/// What ranks trials: a value of their runs.
struct Objective {
  std::string split = "val";
  std::string name = "top1";
  bool best = false;  ///< the best epoch's value instead of the last one's
};

/// Rungs of successive halving.
struct Halving {
  std::vector<std::int64_t> epochs;  ///< of each rung, growing
  double keep = 0.5;                 ///< share of a rung's trials that reach the next
};

/// One combination of the searched keys.
struct Trial {
  nlohmann::ordered_json keys = nlohmann::ordered_json::object();
  bool operator==(const Trial&) const = default;
};

/// A sweep as its file describes it.
struct Sweep {
  std::string file;  ///< where it was read; for messages
  std::string name;
  Search search = Search::grid;
  nlohmann::ordered_json base = nlohmann::ordered_json::object();
  std::vector<Dimension> space;
  std::int64_t trials = 0;  ///< draws of a random search; 0: not random
  std::vector<Trial> list;
  std::vector<std::uint64_t> seeds;  ///< of the trainings; empty: the base's, or a searched one
  std::uint64_t seed = 1;            ///< of the random search
  Objective objective;
  Halving halving;

  /// Keys that differ between trials, in the order of the file.
  [[nodiscard]] std::vector<std::string> searched_keys() const;
};

/// Reads and checks a sweep file. Throws a usage error "FILE:LINE: WHERE: what" for unknown keys (with the nearest),
/// wrong types, values that `denseshift train` would refuse, empty and contradictory searches.
[[nodiscard]] Sweep read_sweep(const std::filesystem::path& file);

/// Values of one dimension in a grid, in order. REQUIRES: a step when it is a range.
[[nodiscard]] std::vector<nlohmann::ordered_json> grid_values(const Dimension& dimension);

/// The trials of a sweep, without repetitions. Grid: the last key changes fastest. Random: draw i of a key depends on
/// the sweep's seed, i and the key alone, so more trials extend the list and another key does not change the draws of
/// this one; a space with fewer combinations gives fewer trials. Throws a usage error for more than a million
/// combinations.
[[nodiscard]] std::vector<Trial> make_trials(const Sweep& sweep);

/// One training of a trial: its configuration, not yet resolved, and the keys that somebody set.
struct Training {
  std::size_t trial = 0;
  experiments::TrainConfig config;
  std::vector<std::string> given;
};

/// Trainings of the trials `chosen` (indices into `trials`), every seed of one after the other. `epochs` above 0
/// replaces the configuration's. Throws a usage error that names the trial for configurations that contradict
/// themselves.
[[nodiscard]] std::vector<Training> make_trainings(const Sweep& sweep, const std::vector<Trial>& trials,
                                                   const std::vector<std::size_t>& chosen, std::int64_t epochs = 0);

/// "lr=0.1 wbits=2" for people.
[[nodiscard]] std::string label(const Trial& trial);

}  // namespace denseshift::sweeps
