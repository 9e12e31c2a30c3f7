#pragma once
// What every command of the program is made of: a table entry, an option parser that answers --help and misspellings,
// and one place that turns errors into exit statuses.

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/variables_map.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace denseshift::cli {

/// One command of the program. `run` gets the arguments after the command's name and returns the exit status.
struct Command {
  std::string name;
  std::string summary;  ///< empty: not listed
  std::function<int(const std::vector<std::string>& arguments)> run;
};

/// Every command, in the order of `denseshift --help`.
[[nodiscard]] const std::vector<Command>& commands();

/// Text around the options in --help.
struct HelpText {
  std::string usage;    ///< "runs list [options]", without the program's name
  std::string summary;  ///< one or two sentences
  std::string example;  ///< one or more command lines, newline-separated, without indentation
};

/// Options of one command on top of Boost.ProgramOptions.
class OptionParser {
 public:
  explicit OptionParser(HelpText help);

  /// A titled group of options; call repeatedly for several groups. Describe options as Boost does.
  boost::program_options::options_description& group(const std::string& title);
  /// Adds --db, as every command that reads or writes results has it (environment DENSESHIFT_DB, default
  /// ./denseshift.db).
  void add_database_option();
  /// Adds --json.
  void add_json_option();
  /// Positional arguments in order: option name and how many (-1: the rest). The named options must exist in a group.
  void positional(const std::string& name, int count);

  /// Parses. Accepts "--name value", "--name=value" and short forms; a multitoken option takes all words up to the next
  /// option; a switch (a bool_switch, or a bool value with an
  /// implicit value) also as "--no-name" when it takes a value. Names are never abbreviated. Prints help and returns
  /// false when --help was given. Throws a usage error for unknown options (with the nearest one), missing or malformed
  /// values.
  [[nodiscard]] bool parse(const std::vector<std::string>& arguments, boost::program_options::variables_map& values);

  [[nodiscard]] std::string help() const;

 private:
  [[nodiscard]] std::unique_ptr<boost::program_options::options_description> all_options() const;

  HelpText help_;
  std::vector<std::pair<std::string, std::unique_ptr<boost::program_options::options_description>>> groups_;
  boost::program_options::positional_options_description positional_;
};

/// Value of --db, else DENSESHIFT_DB, else denseshift.db.
[[nodiscard]] std::string database_path(const boost::program_options::variables_map& values);

/// Runs `body`, prints "denseshift: MESSAGE" and "  hint: HINT" to stderr for an error, and returns the exit status.
[[nodiscard]] int guarded(const std::function<int()>& body);

/// Handles "COMMAND SUBCOMMAND ...": picks the entry named by the first argument, or prints the list: to stdout for
/// --help (status 0), to stderr without arguments (status 2). "help NAME ..." is the same as "NAME ... --help".
/// `prefix` is the command that owns the table, empty for the program itself. Throws a usage error with the nearest
/// name for an unknown entry.
[[nodiscard]] int dispatch(const std::string& prefix, const std::string& summary, const std::vector<Command>& table,
                           const std::vector<std::string>& arguments);

}  // namespace denseshift::cli
