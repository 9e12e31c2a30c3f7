// Reads and checks sweep files.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util/error.h"
#include "core/util/suggest.h"
#include "sweeps/halving.h"
#include "sweeps/space.h"

namespace denseshift::sweeps {
namespace {

using Json = nlohmann::ordered_json;
using experiments::FieldGroup;
using experiments::TrainConfig;

constexpr std::int64_t kMostSeeds = 1000;
constexpr std::int64_t kMostDraws = 100000;
constexpr std::int64_t kMostRungs = 32;

/// Group of a configuration key; record for names that are none.
FieldGroup group_of(const std::string& key) {
  FieldGroup result = FieldGroup::record;
  const TrainConfig config;
  experiments::visit_fields(config, [&](const char* name, const auto&, FieldGroup group, const char*) {
    if (key == name) result = group;
  });
  return result;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : source_(file), json_(source_.json()) {}

  Sweep read() {
    source_.require_known_keys(
        "", {"name", "search", "base", "space", "trials", "list", "seeds", "seed", "objective", "halving"});
    sweep_.file = source_.file().string();
    sweep_.name = json_.contains("name") ? text("/name") : source_.file().stem().string();
    if (sweep_.name.empty()) throw source_.error("/name", "name: is empty");
    read_search();
    read_base();
    read_space();
    read_trials();
    read_list();
    read_seeds();
    read_objective();
    read_halving();
    return std::move(sweep_);
  }

 private:
  /// The place as people write it: "space.lr.low".
  static std::string dotted(const std::string& place) {
    std::string words = place.substr(1);
    std::ranges::replace(words, '/', '.');
    return words;
  }
  [[nodiscard]] Error wrong(const std::string& place, const std::string& expected) const {
    return source_.error(place,
                         fmt::format("{}: expected {}, got {}", dotted(place), expected, source_.at(place).dump()));
  }
  [[nodiscard]] std::string text(const std::string& place) const {
    if (!source_.at(place).is_string()) throw wrong(place, "text");
    return source_.at(place).get<std::string>();
  }
  [[nodiscard]] std::string choice(const std::string& place, const std::vector<std::string>& choices) const {
    const std::string word = text(place);
    if (std::ranges::find(choices, word) == choices.end()) {
      throw source_.error(place, fmt::format("{}: unknown value '{}'", dotted(place), word), suggestion(word, choices));
    }
    return word;
  }
  [[nodiscard]] std::int64_t whole(const std::string& place, std::int64_t low, std::int64_t high) const {
    const Json& value = source_.at(place);
    if (!value.is_number_integer() || value < low || value > high) {
      throw wrong(place, fmt::format("a whole number from {} to {}", low, high));
    }
    return value.get<std::int64_t>();
  }
  [[nodiscard]] double number(const std::string& place) const {
    if (!source_.at(place).is_number()) throw wrong(place, "a number");
    return source_.at(place).get<double>();
  }
  void require_object(const std::string& place) const {
    if (!source_.at(place).is_object()) throw wrong(place, "an object");
  }
  /// A key and value as `train` would take them; ranges that depend on other keys are checked with the whole trial.
  void check_key(const std::string& place, const std::string& key, const Json& value) const {
    try {
      static_cast<void>(experiments::config_from_json({{key, value}}));
    } catch (const Error& error) {
      throw source_.error(place, error.what(), error.hint());
    }
  }
  /// A key that trials may differ in.
  void check_searched(const std::string& place, const std::string& key) const {
    const auto keys = experiments::config_keys();
    if (std::ranges::find(keys, key) == keys.end()) {
      throw source_.error(place, key + ": unknown configuration key", suggestion(key, keys));
    }
    if (const FieldGroup group = group_of(key); group == FieldGroup::environment || group == FieldGroup::record) {
      throw source_.error(place, key + ": does not decide the result, so trials could not be told apart by it",
                          "set it in base");
    }
    if (json_.contains("base") && json_["base"].contains(key)) {
      throw source_.error(place, key + ": is in base, too", "leave it out of one of them");
    }
    if (key == "seed" && json_.contains("seeds")) {
      throw source_.error(place, "seed: seeds are given by `seeds`, too", "leave one of them out");
    }
    if (key == "epochs" && sweep_.search == Search::halving) {
      throw source_.error(place, "epochs: successive halving sets them", "write them in halving.epochs");
    }
  }

  void read_search() {
    if (!json_.contains("search")) {
      throw source_.error("", "search is missing", "write \"search\": \"grid\", random, list or halving");
    }
    const std::string word = choice("/search", {"grid", "random", "list", "halving"});
    sweep_.search = word == "grid"     ? Search::grid
                    : word == "random" ? Search::random
                    : word == "list"   ? Search::list
                                       : Search::halving;
  }

  void read_base() {
    if (!json_.contains("base")) return;
    require_object("/base");
    for (const auto& item : json_["base"].items()) {
      check_key(place_of("/base", item.key()), item.key(), item.value());
      if (item.key() == "seed" && json_.contains("seeds")) {
        throw source_.error("/base/seed", "seed: seeds are given by `seeds`, too", "leave one of them out");
      }
      if (item.key() == "epochs" && sweep_.search == Search::halving) {
        throw source_.error("/base/epochs", "epochs: successive halving sets them", "write them in halving.epochs");
      }
    }
    sweep_.base = json_["base"];
  }

  Range range(const std::string& place, const std::string& key) const {
    source_.require_known_keys(place, {"low", "high", "log", "step"});
    for (const char* end : {"low", "high"}) {
      if (!source_.at(place).contains(end)) throw source_.error(place, fmt::format("{}: {} is missing", key, end));
    }
    const Json model = experiments::to_json(TrainConfig{}).at(key);
    if (!model.is_number()) throw source_.error(place, key + ": a range needs a key that takes numbers", "list values");
    Range range{.low = number(place + "/low"), .high = number(place + "/high"), .log = false, .step = {}};
    range.integer = model.is_number_integer();
    if (source_.at(place).contains("log")) {
      if (!source_.at(place + "/log").is_boolean()) throw wrong(place + "/log", "true or false");
      range.log = source_.at(place + "/log").get<bool>();
    }
    if (!(range.low < range.high)) throw source_.error(place, key + ": low must be below high");
    if (range.log && !(range.low > 0)) throw source_.error(place, key + ": a logarithmic range starts above 0");
    if (range.integer) {
      constexpr double kLargest = 9007199254740992.0;  // beyond 2^53 a double skips whole numbers
      for (const double end : {range.low, range.high}) {
        if (end != std::floor(end) || std::abs(end) > kLargest) {
          throw source_.error(place, key + ": takes whole numbers, so low and high have to be some");
        }
      }
    }
    if (source_.at(place).contains("step")) {
      range.step = number(place + "/step");
      if (range.log ? *range.step <= 1 : *range.step <= 0) {
        throw source_.error(place + "/step", range.log ? key + ": the step of a logarithmic range is a factor above 1"
                                                       : key + ": step must be above 0");
      }
      if (range.integer && !range.log && *range.step != std::floor(*range.step)) {
        throw source_.error(place + "/step", key + ": takes whole numbers, so its step has to be one");
      }
    }
    return range;
  }

  Dimension dimension(const std::string& key, const Json& value) const {
    const std::string place = place_of("/space", key);
    check_searched(place, key);
    Dimension dimension{.key = key, .values = {}, .range = {}};
    if (value.is_object()) {
      dimension.range = range(place, key);
      const bool grid = !json_.contains("trials");
      if (grid && !dimension.range->step) {
        throw source_.error(place, key + ": a grid over a range needs a step", "give step, or list the values");
      }
      return dimension;
    }
    if (!value.is_array()) throw wrong(place, "a list of values or a range {\"low\": ..., \"high\": ...}");
    if (value.empty()) throw source_.error(place, key + ": has no values");
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string item = fmt::format("{}/{}", place, i);
      check_key(item, key, value[i]);
      if (std::ranges::find(dimension.values, value[i]) != dimension.values.end()) {
        throw source_.error(item, fmt::format("{}: {} is listed twice", key, value[i].dump()));
      }
      dimension.values.push_back(value[i]);
    }
    return dimension;
  }

  void read_space() {
    const bool listed = sweep_.search == Search::list || (sweep_.search == Search::halving && json_.contains("list"));
    if (!json_.contains("space")) {
      if (!listed) throw source_.error("", "space is missing", "write \"space\": {\"lr\": [0.1, 0.01]}");
      return;
    }
    if (listed) throw source_.error("/space", "space: a list of trials has no space", "leave space or list out");
    require_object("/space");
    if (json_["space"].empty()) throw source_.error("/space", "space: names no key");
    for (const auto& item : json_["space"].items()) sweep_.space.push_back(dimension(item.key(), item.value()));
  }

  void read_trials() {
    const bool draws = sweep_.search == Search::random || sweep_.search == Search::halving;
    if (json_.contains("trials")) {
      if (!draws || json_.contains("list")) {
        throw source_.error("/trials", "trials: belongs to a random search", "leave it out");
      }
      sweep_.trials = whole("/trials", 1, kMostDraws);
    } else if (sweep_.search == Search::random) {
      throw source_.error("", "trials is missing: how many to draw", "write \"trials\": 20");
    }
    if (!json_.contains("seed")) return;
    if (sweep_.trials == 0) {
      throw source_.error("/seed", "seed: belongs to a random search", "the seeds of the trainings are `seeds`");
    }
    if (!json_["seed"].is_number_unsigned()) throw wrong("/seed", "a whole number, 0 or more");
    sweep_.seed = json_["seed"].get<std::uint64_t>();
  }

  void read_list() {
    if (!json_.contains("list")) {
      if (sweep_.search == Search::list) throw source_.error("", "list is missing", "write \"list\": [{\"lr\": 0.1}]");
      return;
    }
    if (sweep_.search != Search::list && sweep_.search != Search::halving) {
      throw source_.error("/list", "list: belongs to \"search\": \"list\" or \"halving\"");
    }
    const Json& list = json_["list"];
    if (!list.is_array() || list.empty()) throw wrong("/list", "a list of objects");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = fmt::format("/list/{}", i);
      require_object(place);
      if (list[i].empty()) throw source_.error(place, fmt::format("list.{}: sets no key", i));
      for (const auto& item : list[i].items()) {
        check_searched(place_of(place, item.key()), item.key());
        check_key(place_of(place, item.key()), item.key(), item.value());
      }
      sweep_.list.push_back({list[i]});
    }
  }

  void read_seeds() {
    if (!json_.contains("seeds")) return;
    const Json& seeds = json_["seeds"];
    if (!seeds.is_array()) {
      const std::int64_t count = whole("/seeds", 1, kMostSeeds);
      for (std::int64_t seed = 1; seed <= count; ++seed) sweep_.seeds.push_back(static_cast<std::uint64_t>(seed));
      return;
    }
    if (seeds.empty()) throw source_.error("/seeds", "seeds: is empty", "write \"seeds\": [1, 2, 3] or 3");
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      const std::string place = fmt::format("/seeds/{}", i);
      if (!seeds[i].is_number_unsigned()) throw wrong(place, "a whole number, 0 or more");
      const auto seed = seeds[i].get<std::uint64_t>();
      if (std::ranges::find(sweep_.seeds, seed) != sweep_.seeds.end()) {
        throw source_.error(place, fmt::format("seeds: {} is listed twice", seed));
      }
      sweep_.seeds.push_back(seed);
    }
  }

  void read_objective() {
    if (!json_.contains("objective")) return;
    require_object("/objective");
    source_.require_known_keys("/objective", {"split", "name", "value"});
    const Json& objective = json_["objective"];
    if (objective.contains("split")) sweep_.objective.split = text("/objective/split");
    if (objective.contains("name")) sweep_.objective.name = text("/objective/name");
    if (objective.contains("value")) sweep_.objective.best = choice("/objective/value", {"last", "best"}) == "best";
  }

  void read_halving() {
    if (sweep_.search != Search::halving) {
      if (json_.contains("halving")) {
        throw source_.error("/halving", "halving: belongs to \"search\": \"halving\"");
      }
      return;
    }
    if (!json_.contains("halving")) {
      throw source_.error("", "halving is missing", "write \"halving\": {\"epochs\": [2, 4, 8], \"keep\": 0.5}");
    }
    require_object("/halving");
    source_.require_known_keys("/halving", {"epochs", "keep"});
    const Json& halving = json_["halving"];
    if (!halving.contains("epochs")) throw source_.error("/halving", "halving.epochs is missing");
    sweep_.halving.epochs = halving["epochs"].is_object() ? geometric_epochs() : listed_epochs();
    if (!halving.contains("keep")) return;
    sweep_.halving.keep = number("/halving/keep");
    if (!(sweep_.halving.keep > 0 && sweep_.halving.keep < 1)) throw wrong("/halving/keep", "a share between 0 and 1");
  }

  std::vector<std::int64_t> listed_epochs() const {
    const Json& list = json_["halving"]["epochs"];
    if (!list.is_array() || list.empty()) {
      throw wrong("/halving/epochs", "a list such as [2, 4, 8] or {\"first\": 2, \"factor\": 2, \"rungs\": 3}");
    }
    std::vector<std::int64_t> epochs;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = fmt::format("/halving/epochs/{}", i);
      epochs.push_back(whole(place, 1, 1000000));
      if (i > 0 && epochs[i] <= epochs[i - 1]) throw source_.error(place, "halving.epochs: each rung is longer");
    }
    return epochs;
  }

  std::vector<std::int64_t> geometric_epochs() const {
    const std::string place = "/halving/epochs";
    source_.require_known_keys(place, {"first", "factor", "rungs"});
    for (const char* key : {"first", "factor", "rungs"}) {
      if (!source_.at(place).contains(key))
        throw source_.error(place, fmt::format("halving.epochs.{} is missing", key));
    }
    const double factor = number(place + "/factor");
    if (!(factor > 1)) throw wrong(place + "/factor", "a number above 1");
    const auto epochs =
        rung_epochs(whole(place + "/first", 1, 1000000), factor, whole(place + "/rungs", 1, kMostRungs));
    if (epochs.back() > 1000000) throw source_.error(place, "halving.epochs: the last rung has over a million epochs");
    return epochs;
  }

  JsonSource source_;
  const Json& json_;
  Sweep sweep_;
};

}  // namespace

Sweep read_sweep(const std::filesystem::path& file) { return Reader(file).read(); }

}  // namespace denseshift::sweeps
