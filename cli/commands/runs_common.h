#pragma once
// What the subcommands of `runs` share, and `query`: options, cells, tables.

#include <iosfwd>
#include <string>
#include <vector>

#include "cli/command.h"
#include "results_db/database.h"
#include "results_db/value.h"

namespace denseshift::cli {

/// Items of a comma-separated option; empty when it was not given.
[[nodiscard]] std::vector<std::string> list_option(const boost::program_options::variables_map& values,
                                                   const std::string& name);

/// Text of an option; empty when it was not given.
[[nodiscard]] std::string text_option(const boost::program_options::variables_map& values, const std::string& name);

/// A count that may not be negative; `missing` when it was not given.
[[nodiscard]] std::int64_t count_option(const boost::program_options::variables_map& values, const std::string& name,
                                        std::int64_t missing);

/// Text on one line: line breaks and other control characters become \n, \t or \xNN, so a name cannot disturb the
/// terminal.
[[nodiscard]] std::string one_line(const std::string& text);

/// A cell for people: accuracies with two decimals, losses with four, durations as 1h02m; "-" for NULL.
[[nodiscard]] std::string format_cell(const std::string& column, const results_db::Value& value);

/// Seconds as 0.4s, 12s, 3m20s, 1h02m, 2d03h.
[[nodiscard]] std::string format_duration(double seconds);

/// Rows under headings, numbers to the right.
void print_rows(const results_db::ResultTable& table, std::ostream& out);

/// An array with one object per row.
[[nodiscard]] nlohmann::ordered_json rows_to_json(const results_db::ResultTable& table);

/// Prints JSON, indented, with a line end.
void print_json(const nlohmann::ordered_json& json, std::ostream& out);

// The subcommands, each in the file of its group.
[[nodiscard]] Command runs_list_command();
[[nodiscard]] Command runs_best_command();
[[nodiscard]] Command runs_show_command();
[[nodiscard]] Command runs_diff_command();
[[nodiscard]] Command runs_metrics_command();
[[nodiscard]] Command runs_tag_command();
[[nodiscard]] Command runs_delete_command();
[[nodiscard]] Command runs_export_command();
[[nodiscard]] Command runs_merge_command();
[[nodiscard]] Command runs_reproduce_command();

}  // namespace denseshift::cli
