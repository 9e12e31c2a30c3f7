#include "results_db/traces.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "results_db/statement.h"
#include "results_db/store.h"

namespace denseshift::results_db {
namespace {

/// A file of an older schema that is only read has no such table.
bool has_table(const Database& database, const char* table) {
  return Statement(database, "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?", table).step();
}

/// {"w_sign":-0.001,"w_1":0.5}: the shortest decimals that read back as the same floats.
std::string trained_text(const std::vector<std::pair<std::string, float>>& trained) {
  std::string text = "{";
  for (const auto& [name, value] : trained) {
    text += fmt::format("{}{}:{}", text.size() > 1 ? "," : "", nlohmann::json(name).dump(),
                        std::isfinite(value) ? fmt::format("{}", value) : "null");
  }
  return text + "}";
}

std::vector<std::pair<std::string, float>> parse_trained(const std::string& text) {
  std::vector<std::pair<std::string, float>> trained;
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return trained;
  for (const auto& [name, value] : json.items()) {
    trained.emplace_back(name, value.is_number() ? value.get<float>() : std::numeric_limits<float>::quiet_NaN());
  }
  return trained;
}

std::vector<std::int64_t> parse_counts(const std::string& text) {
  std::vector<std::int64_t> counts;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return counts;
  for (const auto& count : json) counts.push_back(count.is_number_integer() ? count.get<std::int64_t>() : 0);
  return counts;
}

}  // namespace

void RunStore::record_weight_traces(std::int64_t run, const std::vector<WeightTrace>& traces) {
  in_transaction(database_, [&] {
    require(run);
    Statement insert(database_, "INSERT OR REPLACE INTO weight_traces VALUES (?, ?, ?, ?, ?, ?, ?)", run);
    for (const WeightTrace& trace : traces) {
      insert.bind(2, trace.layer);
      insert.bind(3, trace.weight);
      insert.bind(4, trace.step);
      insert.bind(5, trace.epoch);
      insert.bind(6, static_cast<double>(trace.value));
      insert.bind(7, trained_text(trace.trained));
      insert.run();
      insert.reset();
    }
  });
}

void RunStore::record_weight_histograms(std::int64_t run, const std::vector<WeightHistogram>& histograms) {
  in_transaction(database_, [&] {
    require(run);
    for (const WeightHistogram& h : histograms) {
      Statement(database_, "INSERT OR REPLACE INTO weight_histograms VALUES (?, ?, ?, ?, ?, ?, ?)", run, h.epoch,
                h.layer, h.tensor, h.low, h.high, nlohmann::json(h.counts).dump())
          .run();
    }
  });
}

std::vector<WeightTrace> load_weight_traces(const Database& database, std::int64_t run, const std::string& layer) {
  std::vector<WeightTrace> traces;
  if (!has_table(database, "weight_traces")) return traces;
  Statement rows(database,
                 "SELECT layer, weight, step, epoch, value, trained FROM weight_traces WHERE run = ?1 AND "
                 "(?2 = '' OR layer = ?2) ORDER BY layer, weight, step",
                 run, layer);
  while (rows.step()) {
    const float value = rows.is_null(4) ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(rows.real(4));
    traces.push_back(
        {rows.text(0), rows.integer(1), rows.integer(2), rows.real(3), value, parse_trained(rows.text(5))});
  }
  return traces;
}

std::vector<WeightHistogram> load_weight_histograms(const Database& database, std::int64_t run,
                                                    const std::string& layer, const std::string& tensor) {
  std::vector<WeightHistogram> histograms;
  if (!has_table(database, "weight_histograms")) return histograms;
  Statement rows(database,
                 "SELECT epoch, layer, tensor, low, high, counts FROM weight_histograms WHERE run = ?1 AND "
                 "(?2 = '' OR layer = ?2) AND (?3 = '' OR tensor = ?3) ORDER BY epoch, layer, tensor",
                 run, layer, tensor);
  while (rows.step()) {
    histograms.push_back(
        {rows.integer(0), rows.text(1), rows.text(2), rows.real(3), rows.real(4), parse_counts(rows.text(5))});
  }
  return histograms;
}

TraceCounts count_traces(const Database& database, std::int64_t run) {
  TraceCounts counts;
  if (!has_table(database, "weight_traces")) return counts;
  Statement traces(database,
                   "SELECT count(DISTINCT layer), count(DISTINCT layer || '/' || weight), count(DISTINCT step) "
                   "FROM weight_traces WHERE run = ?",
                   run);
  traces.step();
  counts.layers = traces.integer(0);
  counts.weights = traces.integer(1);
  counts.steps = traces.integer(2);
  Statement histograms(database, "SELECT count(*), count(DISTINCT epoch) FROM weight_histograms WHERE run = ?", run);
  histograms.step();
  counts.histograms = histograms.integer(0);
  counts.epochs = histograms.integer(1);
  return counts;
}

}  // namespace denseshift::results_db
