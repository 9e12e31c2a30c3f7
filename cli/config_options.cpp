#include "cli/config_options.h"

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <type_traits>

#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using experiments::FieldGroup;
using experiments::TrainConfig;
using Words = std::vector<std::string>;

constexpr std::size_t kLargestConfig = std::size_t{1} << 20;

const char* title(FieldGroup group) {
  switch (group) {
    case FieldGroup::network:
      return "Network";
    case FieldGroup::data:
      return "Data";
    case FieldGroup::training:
      return "Training";
    case FieldGroup::environment:
      return "Environment";
    case FieldGroup::record:
      break;
  }
  return "Record";
}

std::string option_name(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

// Every value stays text here: set_field() knows the types and words the errors.
template <class T>
po::value_semantic* semantic() {
  if constexpr (std::is_same_v<T, bool>) {
    return po::value<std::string>()->implicit_value("true", "")->value_name("true|false");
  } else if constexpr (std::is_same_v<T, std::vector<std::string>> || std::is_same_v<T, std::vector<double>>) {
    return po::value<Words>()->composing()->value_name(std::is_same_v<T, Words> ? "TEXT" : "X,...");
  } else if constexpr (std::is_integral_v<T>) {
    return po::value<std::string>()->value_name("N");
  } else if constexpr (std::is_floating_point_v<T>) {
    return po::value<std::string>()->value_name("X");
  } else {
    return po::value<std::string>()->value_name("TEXT");
  }
}

template <class T>
std::string with_default(const char* help, const T& value) {
  const nlohmann::json json = value;
  if (json.empty() || json == "") return help;
  return std::string(help) + " [" + (json.is_string() ? json.get<std::string>() : json.dump()) + "]";
}

bool contains(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

auto line_of(const std::string& text, std::size_t position) {
  return 1 +
         std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(position, text.size())), '\n');
}

nlohmann::json parse_file(const std::string& file, const std::string& text) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t byte = error.byte > 0 ? error.byte - 1 : 0;
    throw usage_error(file + ":" + std::to_string(line_of(text, byte)) + ": not valid JSON",
                      "compare with `denseshift train --dry-run`");
  }
}

// Reads one key at a time, so that an error can point at the key's line.
TrainConfig read_file_config(const std::string& file, Words& given) {
  const std::string text = read_file(file, kLargestConfig);
  const nlohmann::json json = parse_file(file, text);
  if (!json.is_object()) throw usage_error(file + ": not a JSON object", "write {\"wbits\": 2, ...}");
  TrainConfig config;
  for (const auto& [key, value] : json.items()) {
    try {
      config = experiments::config_from_json({{key, value}}, config);
    } catch (const Error& error) {
      const std::size_t position = text.find(nlohmann::json(key).dump());
      const std::string line = position == std::string::npos ? "" : ":" + std::to_string(line_of(text, position));
      throw usage_error(file + line + ": " + error.what(), error.hint());
    }
    given.push_back(key);
  }
  return config;
}

}  // namespace

void add_config_options(OptionParser& parser, const Words& keys) {
  const TrainConfig defaults;
  if (keys.empty()) {  // a group's place is fixed by its first mention
    for (const FieldGroup group : {FieldGroup::network, FieldGroup::data, FieldGroup::training})
      parser.group(title(group));
  }
  experiments::visit_fields(defaults, [&](const char* key, const auto& member, FieldGroup group, const char* help) {
    if (!keys.empty() && !contains(keys, key)) return;
    using Member = std::remove_cvref_t<decltype(member)>;
    parser.group(title(group))
        .add_options()(option_name(key).c_str(), semantic<Member>(), with_default(help, member).c_str());
  });
}

GivenConfig read_config(const po::variables_map& values, const std::string& file) {
  GivenConfig result;
  Words given;
  if (!file.empty()) result.config = read_file_config(file, given);
  for (const std::string& key : experiments::config_keys()) {
    const std::string option = option_name(key);
    if (values.count(option) > 0) {
      const boost::any& value = values[option].value();
      const Words* list = boost::any_cast<Words>(&value);
      try {
        experiments::set_field(result.config, key,
                               list != nullptr ? joined(*list) : boost::any_cast<std::string>(value));
      } catch (const Error& error) {
        throw usage_error("--" + option + std::string(error.what()).substr(key.size()), error.hint());
      }
      given.push_back(key);
    }
    if (contains(given, key)) result.keys.push_back(key);
  }
  return result;
}

}  // namespace denseshift::cli
