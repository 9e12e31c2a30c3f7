#include "cli/command.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/option.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <sstream>

#include "cli/terminal/colour.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

constexpr unsigned kHelpWidth = 110;

bool is_number(const std::string& text) {
  return text.size() > 1 && text[0] == '-' &&
         (std::isdigit(static_cast<unsigned char>(text[1])) != 0 || text[1] == '.');
}

bool is_bool_value(const po::option_description& option) {
  return option.semantic()->min_tokens() == 0 && option.semantic()->max_tokens() == 1;
}

std::vector<std::string> long_names(const po::options_description& all) {
  std::vector<std::string> names;
  for (const auto& option : all.options()) names.push_back("--" + option->long_name());
  return names;
}

// Boost would abbreviate, would let "--a --b" give "--b" to a as its value, and cannot say which name was near, so the
// words are cut here; descriptions, types and defaults stay with Boost.
class Tokenizer {
 public:
  Tokenizer(const po::options_description& all, const po::positional_options_description& positional)
      : all_(all), positional_(positional), parsed_(&all) {}

  po::parsed_options run(const std::vector<std::string>& arguments) {
    bool options_ended = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& word = arguments[i];
      if (!options_ended && word == "--") {
        options_ended = true;
      } else if (!options_ended && word.size() > 1 && word[0] == '-' && !is_number(word)) {
        option(arguments, i);
      } else {
        position(word);
      }
    }
    return parsed_;
  }

 private:
  void option(const std::vector<std::string>& arguments, std::size_t& i) {
    const std::string& word = arguments[i];
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const bool has_value = equals != std::string::npos;
    const std::string spelled = word.substr(0, equals);
    const po::option_description* found = find(spelled);
    if (found == nullptr && spelled.starts_with("--no-") && !has_value) {
      found = find("--" + spelled.substr(5));
      if (found != nullptr && is_bool_value(*found)) return store(*found, {"false"});
      found = nullptr;
    }
    if (found == nullptr) throw usage_error("unknown option '" + spelled + "'", option_hint(spelled));

    if (has_value) {
      if (found->semantic()->max_tokens() == 0) throw usage_error("option '" + spelled + "' takes no value");
      return store(*found, {word.substr(equals + 1)});
    }
    if (found->semantic()->max_tokens() == 0) return store(*found, {});
    if (is_bool_value(*found)) {
      const bool said = i + 1 < arguments.size() && (arguments[i + 1] == "true" || arguments[i + 1] == "false");
      return store(*found, {said ? arguments[++i] : "true"});
    }
    if (i + 1 == arguments.size() || arguments[i + 1].starts_with("--")) {
      throw usage_error("option '" + spelled + "' needs a value", "write " + spelled + "=VALUE");
    }
    std::vector<std::string> words = {arguments[++i]};
    while (found->semantic()->max_tokens() > 1 && i + 1 < arguments.size() && !arguments[i + 1].starts_with("-")) {
      words.push_back(arguments[++i]);
    }
    store(*found, std::move(words));
  }

  std::string option_hint(const std::string& spelled) const {
    const std::string near = nearest(spelled, long_names(all_));
    return near.empty() ? "--help lists the options" : "did you mean " + near + "?";
  }

  const po::option_description* find(const std::string& spelled) const {
    if (spelled.size() == 2) return all_.find_nothrow(spelled, false);
    if (!spelled.starts_with("--")) return nullptr;
    return all_.find_nothrow(spelled.substr(2), false);
  }

  void store(const po::option_description& found, std::vector<std::string> values) {
    parsed_.options.emplace_back(found.long_name(), std::move(values));
  }

  void position(const std::string& word) {
    if (positions_ >= positional_.max_total_count()) throw usage_error("unexpected argument '" + word + "'");
    po::option option(positional_.name_for_position(positions_), {word});
    option.position_key = static_cast<int>(positions_++);
    parsed_.options.push_back(std::move(option));
  }

  const po::options_description& all_;
  const po::positional_options_description& positional_;
  po::parsed_options parsed_;
  unsigned positions_ = 0;
};

std::string bare_name(const po::error_with_option_name& error) {
  const std::string name = error.get_option_name();
  return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

// Says which value of which option did not parse; Boost's own sentence does not name every case.
std::string bad_value(const po::error_with_option_name& error, const po::parsed_options& parsed) {
  const std::string name = bare_name(error);
  for (const auto& option : parsed.options) {
    if (option.string_key == name && !option.value.empty())
      return "--" + name + ": '" + option.value.back() + "' is not a valid value";
  }
  return error.what();
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::replace(text.begin(), text.end(), '\r', ' ');
  return text;
}

int report(const std::string& message, const std::string& hint, int status) {
  std::cout.flush();
  std::cerr << styled("denseshift:", Style::red, 2) << ' ' << one_line(message) << '\n';
  if (!hint.empty()) std::cerr << "  hint: " << one_line(hint) << '\n';
  return status;
}

}  // namespace

OptionParser::OptionParser(HelpText help) : help_(std::move(help)) {}

po::options_description& OptionParser::group(const std::string& title) {
  for (auto& [name, options] : groups_) {
    if (name == title) return *options;
  }
  groups_.emplace_back(title, std::make_unique<po::options_description>(title, kHelpWidth, kHelpWidth / 2));
  return *groups_.back().second;
}

void OptionParser::add_database_option() {
  group("Results").add_options()("db", po::value<std::string>()->value_name("FILE"),
                                 "results database (environment DENSESHIFT_DB; default denseshift.db)");
}

void OptionParser::add_json_option() {
  group("Output").add_options()("json", po::bool_switch(), "print the result as JSON");
}

void OptionParser::positional(const std::string& name, int count) { positional_.add(name.c_str(), count); }

std::unique_ptr<po::options_description> OptionParser::all_options() const {
  auto all = std::make_unique<po::options_description>(kHelpWidth, kHelpWidth / 2);
  for (const auto& [title, options] : groups_) all->add(*options);
  po::options_description general("Help", kHelpWidth, kHelpWidth / 2);
  general.add_options()("help", po::bool_switch(), "show this help (also -h)");
  all->add(general);
  return all;
}

bool OptionParser::parse(const std::vector<std::string>& arguments, po::variables_map& values) {
  for (const std::string& word : arguments) {
    if (word == "--") break;
    if (word == "--help" || word == "-h") {
      std::cout << help();
      return false;
    }
  }
  const auto all = all_options();
  const po::parsed_options parsed = Tokenizer(*all, positional_).run(arguments);
  try {
    po::store(parsed, values);
    po::notify(values);
  } catch (const po::multiple_occurrences& error) {
    throw usage_error("option '--" + bare_name(error) + "' is given more than once");
  } catch (const po::required_option& error) {
    throw usage_error("missing " + bare_name(error), "usage: denseshift " + help_.usage);
  } catch (const po::error_with_option_name& error) {
    throw usage_error(bad_value(error, parsed), "--help shows what it takes");
  } catch (const po::error& error) {
    throw usage_error(error.what());
  }
  return true;
}

std::string OptionParser::help() const {
  std::ostringstream out;
  out << "Usage: denseshift " << help_.usage << "\n\n" << help_.summary << '\n' << *all_options();
  if (!help_.example.empty()) {
    out << "\nExample:\n";
    std::istringstream lines(help_.example);
    for (std::string line; std::getline(lines, line);) out << "  " << line << '\n';
  }
  return out.str();
}

std::string database_path(const po::variables_map& values) {
  if (values.count("db") > 0) return values["db"].as<std::string>();
  const char* environment = std::getenv("DENSESHIFT_DB");
  return environment != nullptr && *environment != '\0' ? environment : "denseshift.db";
}

int guarded(const std::function<int()>& body) {
  try {
    return body();
  } catch (const Error& error) {
    return report(error.what(), error.hint(), error.exit_status());
  } catch (const std::bad_alloc&) {
    return report("out of memory", "try a smaller --batch-size", 1);
  } catch (const std::exception& error) {
    return report(error.what(), {}, 1);
  }
}

namespace {

void print_commands(std::ostream& out, const std::string& prefix, const std::string& summary,
                    const std::vector<Command>& table) {
  const std::string program = prefix.empty() ? "denseshift" : "denseshift " + prefix;
  std::size_t width = 0;
  for (const Command& command : table) width = std::max(width, command.name.size());
  out << "Usage: " << program << " COMMAND [options]\n\n" << summary << "\n\nCommands:\n";
  for (const Command& command : table) {
    if (command.summary.empty()) continue;
    out << "  " << command.name << std::string(width - command.name.size() + 2, ' ') << command.summary << '\n';
  }
  out << "\n`" << program << " COMMAND --help` shows the options of a command.\n";
}

}  // namespace

int dispatch(const std::string& prefix, const std::string& summary, const std::vector<Command>& table,
             const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    print_commands(std::cerr, prefix, summary, table);
    return 2;
  }
  std::string name = arguments.front();
  std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (name == "help" && !rest.empty()) {
    name = rest.front();
    rest.erase(rest.begin());
    rest.emplace_back("--help");
  }
  if (name == "--help" || name == "-h" || name == "help") {
    print_commands(std::cout, prefix, summary, table);
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& command : table) {
    if (command.name == name) return command.run(rest);
    if (!command.summary.empty()) names.push_back(command.name);
  }
  const std::string where = prefix.empty() ? "" : prefix + ": ";
  if (name.starts_with("-"))
    throw usage_error(where + "unknown option '" + name + "'", "options come after the command");
  throw usage_error(where + "unknown command '" + name + "'", suggestion(name, names));
}

}  // namespace denseshift::cli
