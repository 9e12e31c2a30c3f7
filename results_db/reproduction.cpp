#include "results_db/reproduction.h"

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "results_db/metric_direction.h"
#include "results_db/query.h"
#include "results_db/statement.h"

namespace denseshift::results_db {
namespace {

/// Values of one metric by epoch.
using Series = std::map<std::int64_t, std::optional<double>>;
using AllSeries = std::map<std::pair<std::string, std::string>, Series>;

AllSeries load_series(const Database& database, std::int64_t run, std::int64_t last) {
  AllSeries all;
  for (const MetricRow& row : load_metrics(database, run)) {
    if (row.epoch <= last) all[{row.split, row.name}][row.epoch] = row.value;
  }
  return all;
}

/// Values that were not a number are stored as nothing: two of them are the same.
bool same(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b) return !a && !b;
  return std::bit_cast<std::uint64_t>(*a) == std::bit_cast<std::uint64_t>(*b);
}

double distance(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b || !std::isfinite(*a) || !std::isfinite(*b)) return std::numeric_limits<double>::infinity();
  return std::abs(*a - *b);
}

void take_better(const std::string& name, const std::optional<double>& value, std::optional<double>& best) {
  if (!value || !std::isfinite(*value)) return;
  if (!best || (higher_is_better(name) ? *value > *best : *value < *best)) best = value;
}

MetricAgreement compare(const std::string& split, const std::string& name, const Series& a, const Series& b) {
  MetricAgreement result;
  result.split = split;
  result.name = name;
  for (const auto& [epoch, value] : a) {
    const auto other = b.find(epoch);
    if (other == b.end()) {
      ++result.missing;
      continue;
    }
    ++result.compared;
    result.last_original = value;
    result.last_repeated = other->second;
    take_better(name, value, result.best_original);
    take_better(name, other->second, result.best_repeated);
    if (same(value, other->second)) continue;
    if (result.differing++ == 0) result.first_differing = epoch;
    // A difference below the smallest number, such as of 0 and -0, is one all the same: its epoch is kept.
    if (const double d = distance(value, other->second); d > result.largest_difference || result.largest_at == 0) {
      result.largest_difference = d;
      result.largest_at = epoch;
    }
  }
  for (const auto& [epoch, value] : b) result.missing += a.count(epoch) == 0 ? 1 : 0;
  return result;
}

void compare_metrics(const Database& database, Reproduction& result) {
  // What only the repetition records, because a newer program made it, has nothing to be compared with.
  AllSeries repeated = load_series(database, result.repeated, result.epochs());
  for (const auto& [key, series] : load_series(database, result.original, result.epochs())) {
    const auto& [split, name] = key;
    if (measures_time(name)) {
      result.not_compared.push_back(split + "/" + name);
      continue;
    }
    result.metrics.push_back(compare(split, name, series, repeated[key]));
  }
}

void compare_weights(const Database& database, Reproduction& result) {
  const auto load = [&](std::int64_t run) {
    std::map<std::pair<std::string, std::string>, Row> rows;
    for (Row& row : read_table(database,
                               "SELECT epoch, layer, change_rate, sign_change_rate, shift_change_rate, "
                               "frozen_fraction, distinct_shifts, jump_size, histogram FROM weight_stats WHERE run = ?",
                               run)
                        .rows) {
      if (std::get<std::int64_t>(row[0]) > result.epochs()) continue;
      std::pair key(to_text(row[0]), to_text(row[1]));
      rows.emplace(std::move(key), std::move(row));
    }
    return rows;
  };
  const auto repeated = load(result.repeated);
  // Rows of one run alone are no difference: how often statistics are recorded does not decide the result.
  for (const auto& [key, row] : load(result.original)) {
    const auto other = repeated.find(key);
    if (other == repeated.end()) continue;
    ++result.weight_rows;
    result.differing_weight_rows += other->second == row ? 0 : 1;
  }
}

}  // namespace

bool Reproduction::agrees() const {
  return !metrics.empty() && differing_weight_rows == 0 &&
         std::ranges::all_of(metrics, [](const MetricAgreement& metric) { return metric.agrees(); });
}

std::int64_t last_epoch(const Database& database, std::int64_t run) {
  Statement statement(database, "SELECT max(epoch) FROM metrics WHERE run = ?", run);
  return statement.step() && !statement.is_null(0) ? statement.integer(0) : 0;
}

std::int64_t metric_count(const Database& database, std::int64_t run, std::int64_t epoch) {
  Statement statement(database, "SELECT count(*) FROM metrics WHERE run = ? AND epoch = ?", run, epoch);
  return statement.step() ? statement.integer(0) : 0;
}

std::int64_t run_of_process(const Database& database, std::int64_t pid, std::int64_t after) {
  Statement statement(database, "SELECT max(id) FROM main.runs WHERE pid = ? AND id > ?", pid, after);
  return statement.step() && !statement.is_null(0) ? statement.integer(0) : 0;
}

Reproduction compare_reproduction(const Database& database, std::int64_t original, std::int64_t repeated,
                                  const std::vector<std::string>& ignored_keys) {
  Reproduction result;
  result.original = original;
  result.repeated = repeated;
  result.original_epochs = last_epoch(database, original);
  result.repeated_epochs = last_epoch(database, repeated);
  for (const Difference& difference : compare_runs(database, original, repeated)) {
    if (difference.section == "environment") result.environment.push_back(difference);
    if (difference.section == "dataset") result.dataset.push_back(difference);
    const bool ignored = std::ranges::find(ignored_keys, difference.key) != ignored_keys.end();
    if (difference.section == "config" && !ignored) result.configuration.push_back(difference);
  }
  compare_metrics(database, result);
  compare_weights(database, result);
  return result;
}

}  // namespace denseshift::results_db
