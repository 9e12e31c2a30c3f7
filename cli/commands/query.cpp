// denseshift query: any SELECT on the results database.

#include <iostream>

#include "cli/commands/commands.h"
#include "cli/commands/runs_common.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "results_db/user_sql.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using results_db::Database;
using results_db::Row;

using Names = std::vector<std::string>;

void print_csv(Database& database, const std::string& sql) {
  const auto line = [](std::size_t count, const auto& field) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) text += ',';
      text += results_db::csv_field(field(i));
    }
    std::cout << text << '\n';
  };
  results_db::run_user_sql(
      database, sql, "query", [&](const Names& names) { line(names.size(), [&](std::size_t i) { return names[i]; }); },
      [&](const Row& row) { line(row.size(), [&](std::size_t i) { return results_db::to_text(row[i]); }); });
}

void print_json_rows(Database& database, const std::string& sql) {
  Names columns;
  bool first = true;
  results_db::run_user_sql(
      database, sql, "query", [&](const Names& names) { columns = names; },
      [&](const Row& row) {
        nlohmann::ordered_json object;
        for (std::size_t i = 0; i < row.size(); ++i) object[columns[i]] = results_db::to_json(row[i]);
        std::cout << (first ? "[\n" : ",\n") << results_db::dump(object);
        first = false;
      });
  std::cout << (first ? "[]\n" : "\n]\n");
}

int run_query(const std::vector<std::string>& arguments) {
  OptionParser parser(
      {"query SQL [options]",
       "Runs one SELECT on the results database; nothing can be changed. Tables: runs, metrics, summary,\n"
       "artifacts, weight_stats, weight_traces, weight_histograms, tags, run_documents; views: epochs, leaderboard,\n"
       "seeds, results.",
       "denseshift query \"SELECT wbits, max(top1) FROM runs GROUP BY wbits\"\n"
       "denseshift query \"SELECT epoch, loss, top1 FROM epochs WHERE run=7 AND split='val'\" --format csv"});
  parser.group("Query").add_options()("sql", po::value<std::string>()->value_name("SQL")->required(),
                                      "one SELECT statement");
  parser.group("Output").add_options()("format", po::value<std::string>()->value_name("text|csv|json"),
                                       "format [text]");
  parser.positional("sql", 1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  std::string format = text_option(values, "format");
  const bool json = values["json"].as<bool>();
  if (format.empty()) format = json ? "json" : "text";
  if (format != "text" && format != "csv" && format != "json") {
    throw usage_error("--format: unknown format '" + format + "'", suggestion(format, {"text", "csv", "json"}));
  }
  if (json && format != "json") throw usage_error("--json and --format " + format + " exclude each other");
  Database database = results_db::open_for_reading(database_path(values));
  const std::string sql = text_option(values, "sql");
  if (format == "csv") {
    print_csv(database, sql);
  } else if (format == "json") {
    print_json_rows(database, sql);
  } else {
    print_rows(results_db::run_user_sql(database, sql, "query"), std::cout);
  }
  return 0;
}

}  // namespace

Command query_command() { return {"query", "any SELECT on the results database, as text, CSV or JSON", run_query}; }

}  // namespace denseshift::cli
