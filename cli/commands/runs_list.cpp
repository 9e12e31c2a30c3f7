// runs list, runs best.

#include <unistd.h>

#include <iostream>

#include "cli/commands/runs_common.h"
#include "core/util/error.h"
#include "results_db/listing.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using results_db::Database;

constexpr std::int64_t kTerminalRows = 40;

void print(const results_db::ResultTable& table, const po::variables_map& values) {
  if (values["json"].as<bool>()) {
    print_json(rows_to_json(table), std::cout);
  } else {
    print_rows(table, std::cout);
  }
}

void add_selection(OptionParser& parser) {
  parser.group("Runs").add_options()("where", po::value<std::string>()->value_name("CONDITION"),
                                     "SQL condition over the columns, for example \"wbits=2 and top1>70\"")(
      "columns", po::value<std::string>()->value_name("A,B,C"),
      "columns or metrics to show; a metric is NAME (split val) or SPLIT/NAME, its best value best_NAME");
}

int list_runs(const std::vector<std::string>& arguments) {
  OptionParser parser(
      {"runs list [options]",
       "Lists runs, newest first. Every configuration key, environment fact and summary value is a column;\n"
       "`denseshift query \"SELECT * FROM runs LIMIT 1\" --format csv` shows them all.",
       "denseshift runs list\n"
       "denseshift runs list --where \"wbits=2 and top1>70\" --sort top1:desc --columns id,name,top1,train/loss"});
  add_selection(parser);
  parser.group("Runs").add_options()("sort", po::value<std::string>()->value_name("KEY[:desc]"),
                                     "column or metric to sort by; runs without it come last")(
      "limit", po::value<std::int64_t>()->value_name("N"), "show at most N runs; 0: all [all; on a terminal 40]");
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;

  const bool terminal = !values["json"].as<bool>() && ::isatty(STDOUT_FILENO) != 0;
  results_db::ListOptions options;
  options.columns = list_option(values, "columns");
  options.where = text_option(values, "where");
  options.sort = text_option(values, "sort");
  options.limit = count_option(values, "limit", terminal ? kTerminalRows : 0);
  if (values.count("where") > 0 && options.where.empty()) throw usage_error("--where: the condition is empty");
  Database database = results_db::open_for_reading(database_path(values));
  const results_db::ResultTable table = results_db::list_runs(database, options);
  print(table, values);
  const auto shown = static_cast<std::int64_t>(table.rows.size());
  if (terminal && values.count("limit") == 0 && shown == kTerminalRows) {
    const std::int64_t total = results_db::count_runs(database, options.where);
    if (total > shown) std::cerr << shown << " of " << total << " runs; --limit 0 shows all\n";
  }
  return 0;
}

int best(const std::vector<std::string>& arguments) {
  OptionParser parser(
      {"runs best --by KEY [options]",
       "Ranks runs by a column or metric: the largest first, for losses, errors, times and sizes the smallest.",
       "denseshift runs best --by top1\n"
       "denseshift runs best --by best_top1 --per dataset,arch,wbits --where \"epochs>=100\""});
  parser.group("Ranking").add_options()("by", po::value<std::string>()->value_name("KEY")->required(),
                                        "what to rank by")("per", po::value<std::string>()->value_name("A,B"),
                                                           "one ranking for each combination of these columns")(
      "limit", po::value<std::int64_t>()->value_name("N"), "runs per ranking; 0: all [1 with --per, else 10]");
  add_selection(parser);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;

  results_db::BestOptions options;
  options.by = text_option(values, "by");
  options.per = list_option(values, "per");
  options.columns = list_option(values, "columns");
  options.where = text_option(values, "where");
  options.limit = count_option(values, "limit", options.per.empty() ? 10 : 1);
  if (values.count("where") > 0 && options.where.empty()) throw usage_error("--where: the condition is empty");
  Database database = results_db::open_for_reading(database_path(values));
  print(results_db::best_runs(database, options), values);
  return 0;
}

}  // namespace

Command runs_list_command() { return {"list", "runs as a table: filter, sort, choose columns", list_runs}; }

Command runs_best_command() { return {"best", "the best runs by a metric, also per group", best}; }

}  // namespace denseshift::cli
