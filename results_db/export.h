#pragma once
// Runs as CSV and JSON for other programs.

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "results_db/database.h"

namespace denseshift::results_db {

/// Takes the text piece by piece, so an export needs no more memory than one run.
using TextSink = std::function<void(std::string_view text)>;

/// Tables that export_csv() can write: runs, metrics, epochs, summary, artifacts, weight_stats, weight_traces,
/// weight_histograms, tags.
[[nodiscard]] const std::vector<std::string>& export_tables();

/// CSV (RFC 4180 with LF line ends, UTF-8) of one table's rows that belong to the runs: a header, then runs in the
/// given order. NULL is an empty field. Throws a usage error for an unknown table.
void export_csv(Database& database, const std::string& table, const std::vector<std::int64_t>& runs,
                const TextSink& sink);

/// A JSON array with one object per run: all columns of `runs`, `tags`, `config`, `environment`, `dataset_fingerprint`,
/// and the arrays `summary`, `metrics`, `artifacts`, `weight_stats`, `weight_traces`, `weight_histograms`. Values that
/// are not finite are null.
void export_json(Database& database, const std::vector<std::int64_t>& runs, const TextSink& sink);

/// Traces may be many: all their rows, or only how many there are (as the object `traces`).
enum class TraceRows { all, counts };

/// The object that export_json() writes for one run.
[[nodiscard]] nlohmann::ordered_json run_to_json(const Database& database, std::int64_t run,
                                                 TraceRows rows = TraceRows::all);

}  // namespace denseshift::results_db
