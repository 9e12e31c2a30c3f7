#include "experiments/studies/cells.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <type_traits>

#include "core/util/error.h"

namespace denseshift::experiments {
namespace {

using Json = nlohmann::ordered_json;

void merge_keys(Json& into, const Json& from) {
  for (const auto& [key, value] : from.items()) into[key] = value;
}

void merge_for(Json& into, const std::map<std::string, Json>& by_id, const std::string& id) {
  if (const auto found = by_id.find(id); found != by_id.end()) merge_keys(into, found->second);
}

/// Recipe, scale, row, column, then what the scale says of the row and of the column.
Json merged_keys(const StudyScale& scale, const StudyRow& row, const StudyColumn& column) {
  const auto other = scale.row_recipes.find(row.id);
  Json keys = other == scale.row_recipes.end() ? scale.recipe.set : other->second.set;
  if (other == scale.row_recipes.end()) merge_keys(keys, scale.set);
  merge_keys(keys, row.set);
  merge_keys(keys, column.set);
  merge_for(keys, scale.rows, row.id);
  merge_for(keys, scale.columns, column.id);
  for (const auto& [key, pairs] : scale.replace) {
    if (!keys.contains(key)) continue;
    if (const auto to = pairs.find(keys[key].get<std::string>()); to != pairs.end()) keys[key] = to->second;
  }
  return keys;
}

std::string place(const Study& study, const StudyScale& scale, const StudyRow& row, const StudyColumn& column) {
  return fmt::format("{} {}: row {}, column {}", study.name, scale.name, row.id, column.id);
}

/// Starts that name a row of the study: "@ROW" or "@ROW/COLUMN".
constexpr char kRowMark = '@';

/// The key with such a start; empty without.
std::string start_key(const Json& keys) {
  for (const char* key : {"pretrained", "backbone"}) {
    if (keys.contains(key) && keys[key].get<std::string>().starts_with(kRowMark)) return key;
  }
  return {};
}

StudyCell start_cell(const Study& study, const StudyScale& scale, const StudyColumn& column, const std::string& mark,
                     std::uint64_t seed) {
  const std::string name = mark.substr(1);
  const std::size_t slash = name.find('/');
  const StudyRow& row = study.row(name.substr(0, slash));
  const StudyColumn& source = slash == std::string::npos ? column : study.column(name.substr(slash + 1));
  if (const std::string key = start_key(merged_keys(scale, row, source)); !key.empty()) {
    throw usage_error(fmt::format("{}: row {}: {}: {} starts from another row itself", study.name, row.id, key, mark));
  }
  StudyCell cell = study_cell(study, scale, row, source, seed);
  // A row that is only a start is a classifier, whatever the study measures.
  if (row.hidden && study.task != "classification") cell.metrics = {{"val", "top1"}};
  return cell;
}

void append_argument(std::vector<std::string>& words, const std::string& key, const std::string& value) {
  std::string option = "--" + key;
  std::ranges::replace(option, '_', '-');
  words.push_back(option + "=" + value);
}

std::string plain(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace

StudyCell study_cell(const Study& study, const StudyScale& scale, const StudyRow& row, const StudyColumn& column,
                     std::uint64_t seed) {
  Json keys = merged_keys(scale, row, column);
  keys["seed"] = seed;
  StudyCell cell;
  cell.row = row.id;
  cell.column = column.id;
  cell.seed = seed;
  if (const std::string key = start_key(keys); !key.empty()) {
    const StudyCell start = start_cell(study, scale, column, keys[key].get<std::string>(), seed);
    keys[key] = "recipe:" + start.recipe_hash;
    if (key == "pretrained") keys["init"] = "pretrained";
    cell.depends_on = start.config_hash;
  }
  try {
    cell.config = config_from_json(keys);
    validate(cell.config);
  } catch (const Error& error) {
    throw usage_error(place(study, scale, row, column) + ": " + error.what(), error.hint());
  }
  if (!is_resolved(cell.config) || !keys.contains("wbits")) {
    throw usage_error(place(study, scale, row, column) + ": a study has to set wbits, init and image_size",
                      "add them to the recipe or the row");
  }
  cell.metrics = {cell_metric(row, column)};
  cell.traces = cell.config.trace_weights > 0;
  cell.config_hash = config_hash(cell.config);
  cell.recipe_hash = recipe_hash(cell.config);
  return cell;
}

std::vector<StudyCell> study_cells(const Study& study, const StudyScale& scale, int seeds) {
  std::vector<StudyCell> cells;
  if (!task_is_built(study.task)) return cells;
  const auto add = [&](StudyCell cell) {
    const auto same = std::ranges::find(cells, cell.config_hash, &StudyCell::config_hash);
    if (same == cells.end()) {
      cells.push_back(std::move(cell));
    } else if (std::ranges::find(same->metrics, cell.metrics.front()) == same->metrics.end()) {
      same->metrics.push_back(cell.metrics.front());
    }
  };
  const auto count = static_cast<std::uint64_t>(seeds > 0 ? seeds : scale.seeds);
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    for (const StudyRow& row : study.rows) {
      for (const StudyColumn& column : study.columns) {
        if (column.difference || row.hidden || row.cited) continue;
        const Json keys = merged_keys(scale, row, column);
        if (const std::string key = start_key(keys); !key.empty()) {
          add(start_cell(study, scale, column, keys[key].get<std::string>(), seed));
        }
        add(study_cell(study, scale, row, column, seed));
      }
    }
  }
  return cells;
}

std::vector<std::string> train_arguments(const TrainConfig& config) {
  const Json defaults = to_json(TrainConfig{});
  std::vector<std::string> words;
  visit_fields(config, [&](const std::string& key, const auto& member, FieldGroup, const char*) {
    const Json value = member;
    // The bits of a method are not the bits of the default method.
    if (value == defaults.at(key) && key != "wbits") return;
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, std::vector<std::string>>) {
      // An item with a comma would be read as several.
      const bool joinable =
          std::ranges::none_of(member, [](const std::string& item) { return item.find(',') != std::string::npos; });
      if (joinable) {
        append_argument(words, key, fmt::format("{}", fmt::join(member, ",")));
      } else {
        for (const std::string& item : member) append_argument(words, key, item);
      }
    } else if (value.is_array()) {
      std::string joined;
      for (const Json& item : value) joined += (joined.empty() ? "" : ",") + item.dump();
      append_argument(words, key, joined);
    } else {
      append_argument(words, key, plain(value));
    }
  });
  return words;
}

}  // namespace denseshift::experiments
