// runs tag, runs delete, runs merge.

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cli/commands/runs_common.h"
#include "cli/terminal/table.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "results_db/merge.h"
#include "results_db/query.h"
#include "results_db/run_files.h"
#include "results_db/store.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using results_db::Database;
using results_db::OpenMode;
using results_db::RunStore;

int show_tags(const po::variables_map& values) {
  const Database database = results_db::open_for_reading(database_path(values));
  const bool json = values["json"].as<bool>();
  if (values.count("run") == 0) {
    const auto tags = results_db::load_tags(database);
    if (json) {
      nlohmann::ordered_json object = nlohmann::ordered_json::object();
      for (const auto& [tag, count] : tags) object[tag] = count;
      print_json(object, std::cout);
      return 0;
    }
    Table text({{"tag"}, {"runs", true}});
    for (const auto& [tag, count] : tags) text.add({one_line(tag), std::to_string(count)});
    text.print(std::cout);
    return 0;
  }
  const std::int64_t run = results_db::resolve_run(database, text_option(values, "run"));
  const std::vector<std::string> tags = results_db::load_run(database, run).tags;
  if (json) {
    print_json(tags, std::cout);
  } else {
    for (const std::string& tag : tags) std::cout << one_line(tag) << '\n';
  }
  return 0;
}

int tag(const std::vector<std::string>& arguments) {
  OptionParser parser({"runs tag [RUN [add|remove TAG...]] [options]",
                       "Adds or removes tags; without them lists the run's tags, without a run all tags in use.",
                       "denseshift runs tag last add baseline\ndenseshift runs tag 7\ndenseshift runs tag"});
  parser.group("Run").add_options()("run", po::value<std::string>()->value_name("RUN"), "id, `last`, or name")(
      "action", po::value<std::string>()->value_name("add|remove"), "what to do")(
      "tag", po::value<std::vector<std::string>>()->value_name("TAG"), "tags");
  parser.positional("run", 1);
  parser.positional("action", 1);
  parser.positional("tag", -1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string action = text_option(values, "action");
  if (action.empty()) return show_tags(values);
  if (action != "add" && action != "remove") {
    throw usage_error("unknown action '" + action + "'", suggestion(action, {"add", "remove"}));
  }
  if (values.count("tag") == 0) throw usage_error("which tag?", "denseshift runs tag RUN " + action + " TAG");
  {
    Database database(database_path(values), OpenMode::write);
    RunStore store(database);
    const std::int64_t run = results_db::resolve_run(database, text_option(values, "run"));
    for (const std::string& name : values["tag"].as<std::vector<std::string>>()) {
      if (action == "add") {
        store.add_tag(run, name);
      } else if (!store.remove_tag(run, name)) {
        throw usage_error("run " + std::to_string(run) + " has no tag '" + name + "'",
                          suggestion(name, results_db::load_run(database, run).tags));
      }
    }
  }
  return show_tags(values);
}

/// True when the user says yes, or said it beforehand. Without a terminal nobody can be asked.
bool confirmed(const std::string& question, const po::variables_map& values) {
  if (values["yes"].as<bool>()) return true;
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) {
    throw usage_error("deleting needs a confirmation, and there is no terminal to ask on", "add --yes");
  }
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int remove(const std::vector<std::string>& arguments) {
  OptionParser parser({"runs delete RUN... [options]",
                       "Deletes runs from the database, with --files also their directories. A running run is refused.",
                       "denseshift runs delete 7 9 --files --yes"});
  parser.group("Runs").add_options()("run", po::value<std::vector<std::string>>()->value_name("RUN")->required(),
                                     "ids, `last`, or names")(
      "files", po::bool_switch(), "also delete the files of the runs")("yes", po::bool_switch(), "do not ask");
  parser.positional("run", -1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  Database database(database_path(values), OpenMode::write);
  RunStore store(database);
  std::vector<std::int64_t> ids;  // all references first: nothing is deleted when one of them is wrong
  for (const std::string& reference : values["run"].as<std::vector<std::string>>()) {
    const std::int64_t id = results_db::resolve_run(database, reference);
    if (results_db::load_run(database, id).status == "running") {
      throw usage_error("run " + std::to_string(id) + " is still running; nothing was deleted", "stop it first");
    }
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  const bool files = values["files"].as<bool>();
  const std::string what =
      std::to_string(ids.size()) + (ids.size() == 1 ? " run" : " runs") + (files ? " and its files" : "");
  if (!confirmed("Delete " + what + "?", values)) throw Error(ErrorKind::interrupted, "nothing was deleted");
  std::uintmax_t removed_files = 0;
  for (const std::int64_t id : ids) {
    if (files) {
      const auto removed =
          results_db::remove_run_files(results_db::load_run(database, id), results_db::load_artifacts(database, id));
      removed_files += removed.files;
      if (!removed.kept.empty()) std::cerr << "kept " << removed.kept << ": it holds other files\n";
    }
    store.remove(id);
  }
  if (values["json"].as<bool>()) {
    print_json({{"deleted", ids}, {"files", removed_files}}, std::cout);
  } else {
    std::cout << "deleted " << ids.size() << (ids.size() == 1 ? " run" : " runs");
    if (files) std::cout << " and " << removed_files << (removed_files == 1 ? " file" : " files");
    std::cout << '\n';
  }
  return 0;
}

int merge(const std::vector<std::string>& arguments) {
  OptionParser parser({"runs merge OTHER.db [options]",
                       "Copies the runs of another results database that are not here yet, with all their records.\n"
                       "The other file is only read. Runs that are still running there are left out.",
                       "denseshift runs merge server.db"});
  parser.group("Source").add_options()("other", po::value<std::string>()->value_name("OTHER.db")->required(),
                                       "database to copy from");
  parser.positional("other", 1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string other = text_option(values, "other");
  { const Database readable(other, OpenMode::read_only); }  // before our own is made for nothing
  Database database(database_path(values), OpenMode::create);
  const results_db::MergeReport report = results_db::merge(database, other);
  if (values["json"].as<bool>()) {
    nlohmann::ordered_json json = {
        {"added", nlohmann::ordered_json::array()}, {"present", report.present}, {"running", report.running}};
    for (const auto& [from, to] : report.added) json["added"].push_back({{"from", from}, {"id", to}});
    print_json(json, std::cout);
    return 0;
  }
  std::cout << "added " << report.added.size() << " runs, " << report.present << " were here already";
  if (!report.running.empty()) std::cout << ", " << report.running.size() << " still running were left out";
  std::cout << '\n';
  for (const auto& [from, to] : report.added) {
    if (from != to) std::cout << "run " << from << " is run " << to << " here\n";
  }
  return 0;
}

}  // namespace

Command runs_tag_command() { return {"tag", "add, remove and list tags", tag}; }

Command runs_delete_command() { return {"delete", "delete runs, also with their files", remove}; }

Command runs_merge_command() { return {"merge", "take the runs of another database", merge}; }

}  // namespace denseshift::cli
