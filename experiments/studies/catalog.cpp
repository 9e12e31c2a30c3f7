// Study files to Study objects.

#include <fmt/format.h>

#include <algorithm>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "experiments/config/train_config.h"
#include "experiments/studies/embedded.h"
#include "experiments/studies/read.h"
#include "experiments/studies/study.h"

namespace denseshift::experiments {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;

Recipe read_recipe(const Json& json, const std::string& file) {
  const ObjectReader reader(json, file, {"recipe", "title", "dataset", "set", "seconds", "measured_on"});
  Recipe recipe;
  recipe.name = reader.required_text("recipe");
  recipe.title = reader.required_text("title");
  recipe.dataset = reader.required_text("dataset");
  recipe.set = reader.config("set");
  recipe.seconds = reader.number("seconds", 0);
  recipe.measured_on = reader.text("measured_on");
  return recipe;
}

StudyColumn read_column(const Json& json, const std::string& where) {
  const ObjectReader reader(json, where, {"id", "title", "set", "metric", "unit", "decimals", "factor", "difference"});
  StudyColumn column;
  column.id = reader.required_text("id");
  column.title = reader.text("title", column.id);
  column.set = reader.config("set");
  column.unit = reader.text("unit", "%");
  column.decimals = reader.integer("decimals", 2, 0, 9);
  column.factor = reader.number("factor", 1);
  if (reader.has("metric")) {
    const ObjectReader metric(reader.at("metric"), where + ": metric", {"split", "name", "selected_by"});
    column.metric = {metric.required_text("split"), metric.required_text("name")};
    if (metric.has("selected_by")) {
      const ObjectReader by(metric.at("selected_by"), where + ": metric: selected_by", {"split", "name"});
      column.metric.selected_by = {by.required_text("split"), by.required_text("name")};
    }
  }
  if (reader.has("difference")) {
    const std::vector<std::string> pair = reader.texts("difference");
    if (pair.size() != 2) throw reader.error("difference", "expected two columns");
    column.difference = {pair[0], pair[1]};
  }
  return column;
}

/// A label or a number as it is printed.
std::string label_text(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  throw usage_error(where + ": expected text or a whole number, got " + value.dump());
}

template <class Items>
std::vector<std::string> ids_of(const Items& items) {
  std::vector<std::string> ids;
  for (const auto& item : items) ids.push_back(item.id);
  return ids;
}

void require_id(const std::string& id, const std::vector<std::string>& known, const std::string& where) {
  if (std::ranges::find(known, id) != known.end()) return;
  throw usage_error(fmt::format("{}: there is no '{}'", where, id), suggestion(id, known));
}

StudyRow read_row(const Json& json, const std::string& where, const Study& study) {
  const ObjectReader reader(json, where, {"id", "labels", "set", "paper", "hidden", "cited"});
  StudyRow row;
  row.id = reader.required_text("id");
  row.set = reader.config("set");
  row.hidden = reader.boolean("hidden", false);
  row.cited = reader.boolean("cited", false);
  std::vector<std::string> labels;
  for (const auto& [id, title] : study.labels) labels.push_back(id);
  reader.each_member("labels", [&](const std::string& id, const Json& value, const std::string& at) {
    require_id(id, labels, at);
    row.labels[id] = label_text(value, at);
  });
  reader.each_member("paper", [&](const std::string& id, const Json& value, const std::string& at) {
    require_id(id, ids_of(study.columns), at);
    if (!value.is_number()) throw usage_error(at + ": expected a number, got " + value.dump());
    row.paper[id] = value.get<double>();
  });
  return row;
}

void read_replace(const ObjectReader& reader, StudyScale& scale) {
  const TrainConfig defaults;
  const Json keys = to_json(defaults);
  reader.each_member("replace", [&](const std::string& key, const Json& pairs, const std::string& where) {
    if (!keys.contains(key) || !keys[key].is_string()) {
      throw usage_error(where + ": not a configuration key with a text value", suggestion(key, config_keys()));
    }
    if (!pairs.is_object()) throw usage_error(where + ": expected an object {\"old\": \"new\"}");
    for (const auto& [from, to] : pairs.items()) scale.replace[key][from] = label_text(to, where);
  });
}

StudyScale read_scale(const std::string& name, const Json& json, const std::string& where, const Study& study,
                      const std::vector<Recipe>& recipes) {
  const ObjectReader reader(json, where, {"recipe", "seeds", "note", "set", "rows", "columns", "replace"});
  StudyScale scale;
  require_id(name, study_scales(), where);
  scale.name = name;
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes) names.push_back(recipe.name);
  const std::string wanted = reader.required_text("recipe");
  require_id(wanted, names, where + ": recipe");
  scale.recipe = *std::ranges::find(recipes, wanted, &Recipe::name);
  scale.seeds = reader.integer("seeds", 1, 1, 1000);
  scale.note = reader.text("note");
  scale.set = reader.config("set");
  reader.each_member("rows", [&](const std::string& id, Json value, const std::string& at) {
    require_id(id, ids_of(study.rows), at);
    // "recipe" is no configuration key: the row starts from that recipe in the place of the scale's.
    if (value.is_object() && value.contains("recipe")) {
      const std::string other = label_text(value["recipe"], at + ": recipe");
      require_id(other, names, at + ": recipe");
      scale.row_recipes[id] = *std::ranges::find(recipes, other, &Recipe::name);
      value.erase("recipe");
    }
    scale.rows[id] = ObjectReader(Json{{"set", value}}, at, {"set"}).config("set");
  });
  reader.each_member("columns", [&](const std::string& id, const Json& value, const std::string& at) {
    require_id(id, ids_of(study.columns), at);
    const ObjectReader column(value, at, {"set", "title"});
    scale.columns[id] = column.config("set");
    if (column.has("title")) scale.column_titles[id] = column.text("title");
  });
  read_replace(reader, scale);
  return scale;
}

void check_unique(const std::vector<std::string>& ids, const std::string& where) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (std::find(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i), ids[i]) !=
        ids.begin() + static_cast<std::ptrdiff_t>(i)) {
      throw usage_error(fmt::format("{}: '{}' is there twice", where, ids[i]));
    }
  }
}

void check_differences(const Study& study, const std::string& file) {
  for (const StudyColumn& column : study.columns) {
    if (!column.difference) continue;
    for (const std::string& id : {column.difference->first, column.difference->second}) {
      require_id(id, ids_of(study.columns), fmt::format("{}: columns: {}: difference", file, column.id));
      if (study.column(id).difference) {
        throw usage_error(fmt::format("{}: columns: {}: difference: '{}' is a difference itself", file, column.id, id));
      }
    }
  }
}

/// A task that is not trained has no recipes. What is measured has one scale, the paper's; the table of a task that is
/// not built shows the paper's values at every scale.
void add_empty_scales(Study& study) {
  if (const std::string benchmark = benchmark_of_task(study.task); !benchmark.empty()) {
    StudyScale scale;
    scale.name = "paper";
    scale.recipe.title = "denseshift " + benchmark;
    study.scales.push_back(std::move(scale));
    return;
  }
  for (const std::string& name : study_scales()) {
    StudyScale scale;
    scale.name = name;
    scale.recipe.title = "none yet";
    study.scales.push_back(std::move(scale));
  }
}

/// `others` are the studies read before, for rows_from.
Study read_study(const Json& json, const std::string& file, const std::vector<Recipe>& recipes,
                 const StudyCatalog& others) {
  const ObjectReader reader(json, file,
                            {"study", "title", "source", "paper_data", "task", "figure", "note", "aliases", "labels",
                             "columns", "rows", "rows_from", "scales"});
  Study study;
  if (reader.has("rows_from")) study = others.get(reader.text("rows_from"));
  study.aliases = reader.texts("aliases");
  study.name = reader.required_text("study");
  study.title = reader.required_text("title");
  study.source = reader.text("source", study.source);
  study.paper_data = reader.text("paper_data", study.paper_data);
  study.task = reader.text("task", study.task);
  study.figure = reader.text("figure");
  study.note = reader.text("note");
  if (reader.has("labels")) study.labels.clear();
  reader.each_element("labels", [&](const Json& value, const std::string& where) {
    const ObjectReader label(value, where, {"id", "title"});
    study.labels.emplace_back(label.required_text("id"), label.required_text("title"));
  });
  if (reader.has("columns")) study.columns.clear();
  reader.each_element("columns", [&](const Json& value, const std::string& where) {
    study.columns.push_back(read_column(value, where));
  });
  if (reader.has("rows")) study.rows.clear();
  reader.each_element("rows", [&](const Json& value, const std::string& where) {
    study.rows.push_back(read_row(value, where, study));
  });
  check_unique(ids_of(study.columns), file + ": columns");
  check_unique(ids_of(study.rows), file + ": rows");
  check_differences(study, file);
  if (reader.has("scales")) study.scales.clear();
  reader.each_member("scales", [&](const std::string& name, const Json& value, const std::string& where) {
    study.scales.push_back(read_scale(name, value, where, study, recipes));
  });
  if (study.scales.empty() && !task_is_built(study.task)) add_empty_scales(study);
  if (study.columns.empty() || study.rows.empty()) throw usage_error(file + ": a study needs columns and rows");
  return study;
}

struct Source {
  std::string file;
  Json json;
};

std::vector<Source> read_folder(const fs::path& folder) {
  if (folder.empty()) return {};
  if (!fs::is_directory(folder)) {
    throw usage_error("--studies: " + folder.string() + " is not a folder", "give a folder with *.json files");
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json" && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<Source> sources;
  for (const fs::path& file : files) {
    sources.push_back({file.string(), parse_json(read_file(file, kLargestFile), file.string())});
  }
  return sources;
}

}  // namespace

StudyCatalog::StudyCatalog(const fs::path& folder) {
  std::vector<Source> sources;
  for (const EmbeddedFile& file : embedded_recipes()) sources.push_back({file.name, parse_json(file.text, file.name)});
  for (Source& source : read_folder(folder)) sources.push_back(std::move(source));

  std::vector<Recipe> recipes;
  for (const Source& source : sources) {
    if (!source.json.is_object() || !source.json.contains("recipe")) continue;
    Recipe recipe = read_recipe(source.json, source.file);
    std::erase_if(recipes, [&](const Recipe& known) { return known.name == recipe.name; });
    recipes.push_back(std::move(recipe));
  }
  for (const Source& source : sources) {
    if (source.json.is_object() && source.json.contains("recipe")) continue;
    Study study = read_study(source.json, source.file, recipes, *this);
    const auto known = std::ranges::find(studies_, study.name, &Study::name);
    if (known != studies_.end()) {
      *known = std::move(study);
    } else {
      studies_.push_back(std::move(study));
    }
  }
}

}  // namespace denseshift::experiments
