#include "core/data/audio/intents.h"

#include <algorithm>

#include "core/util/error.h"

namespace denseshift::data {
namespace {

void sort_unique(auto& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

Intents Intents::from_combinations(std::vector<std::string> slots, std::vector<std::vector<std::string>> combinations) {
  Intents result;
  result.slots = std::move(slots);
  result.values.resize(result.slots.size());
  sort_unique(combinations);
  for (std::size_t slot = 0; slot < result.slots.size(); ++slot) {
    for (const auto& combination : combinations) result.values[slot].push_back(combination.at(slot));
    sort_unique(result.values[slot]);
  }
  for (const auto& combination : combinations) {
    std::vector<std::int64_t>& intent = result.intents.emplace_back();
    for (std::size_t slot = 0; slot < result.slots.size(); ++slot) {
      const auto& values = result.values[slot];
      intent.push_back(std::lower_bound(values.begin(), values.end(), combination[slot]) - values.begin());
    }
  }
  return result;
}

std::int64_t Intents::find(const std::vector<std::string>& combination) const {
  if (combination.size() != slots.size()) return -1;
  std::vector<std::int64_t> wanted;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    const auto found = std::lower_bound(values[slot].begin(), values[slot].end(), combination[slot]);
    if (found == values[slot].end() || *found != combination[slot]) return -1;
    wanted.push_back(found - values[slot].begin());
  }
  const auto found = std::lower_bound(intents.begin(), intents.end(), wanted);
  return found == intents.end() || *found != wanted ? -1 : found - intents.begin();
}

std::vector<std::string> Intents::combination(std::int64_t intent) const {
  std::vector<std::string> result;
  const std::vector<std::int64_t>& positions = intents.at(static_cast<std::size_t>(intent));
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    result.push_back(values[slot][static_cast<std::size_t>(positions[slot])]);
  }
  return result;
}

std::string Intents::name(std::int64_t intent) const {
  std::string text;
  for (const std::string& value : combination(intent)) text += (text.empty() ? "" : " / ") + value;
  return text;
}

nlohmann::ordered_json to_json(const Intents& intents) {
  nlohmann::ordered_json json;
  json["slots"] = nlohmann::ordered_json::object();
  for (std::size_t slot = 0; slot < intents.slots.size(); ++slot) {
    json["slots"][intents.slots[slot]] = intents.values[slot];
  }
  json["intents"] = intents.intents;
  return json;
}

Intents intents_from_json(const nlohmann::ordered_json& json, const std::string& where) {
  Intents result;
  try {
    for (const auto& [slot, values] : json.at("slots").items()) {
      result.slots.push_back(slot);
      result.values.push_back(values.get<std::vector<std::string>>());
    }
    result.intents = json.at("intents").get<std::vector<std::vector<std::int64_t>>>();
  } catch (const nlohmann::json::exception& error) {
    throw input_error(where + ": no list of intents: " + error.what());
  }
  // Searches rely on the order, accuracies on the ranges.
  bool good = std::is_sorted(result.intents.begin(), result.intents.end()) && !result.intents.empty();
  for (const auto& values : result.values) good = good && std::is_sorted(values.begin(), values.end());
  for (const auto& intent : result.intents) {
    good = good && intent.size() == result.slots.size();
    for (std::size_t slot = 0; good && slot < intent.size(); ++slot) {
      good = intent[slot] >= 0 && intent[slot] < std::ssize(result.values[slot]);
    }
  }
  if (!good) throw input_error(where + ": the list of intents does not fit its slots");
  return result;
}

}  // namespace denseshift::data
