#include "cli/torch/models_methods.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/quant/activation.h"

namespace denseshift::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumns = 100;
constexpr std::size_t kIndent = 13;

/// "2, 3 or 4".
std::string either(const std::vector<std::int64_t>& bits) {
  std::string text;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == bits.size() ? " or " : ", ", bits[i]);
  }
  return text;
}

/// "  label      text", broken between words, further lines under the text.
void print_field(const std::string& label, const std::string& text) {
  if (text.empty()) return;
  std::string line = fmt::format("  {:<{}}", label, kIndent - 2);
  bool first = true;
  std::istringstream words(text);
  for (std::string word; words >> word; first = false) {
    if (!first && line.size() + 1 + word.size() > kColumns) {
      std::cout << line << '\n';
      line = std::string(kIndent, ' ');
      first = true;
    }
    line += fmt::format("{}{}", first ? "" : " ", word);
  }
  std::cout << line << '\n';
}

std::string start_text(const quant::Method& method) {
  return method.needs_pretrained ? method.start + "; needs a trained network" : method.start;
}

Json to_json(const quant::MethodOption& option) {
  return {{"key", option.key}, {"default", option.standard}, {"choices", option.choices}, {"help", option.help}};
}

Json to_json(const quant::OwnPlacement& own) {
  return {{"first", own.first},
          {"shortcut", own.shortcut},
          {"classifier", own.classifier},
          {"note", own.note},
          {"text", own_placement_text(own)}};
}

Json to_json(const std::string& name, const std::string& description, const quant::Method& method) {
  Json options = Json::array();
  for (const quant::MethodOption& option : method.options) options.push_back(to_json(option));
  return {{"name", name},
          {"description", description},
          {"quantizes", "weights"},
          {"bits", method.bits},
          {"default_bits", method.default_bits},
          {"levels", method.levels},
          {"trained", method.trained},
          {"start", method.start},
          {"default_init", method.default_init},
          {"needs_pretrained", method.needs_pretrained},
          {"own_placement", to_json(method.own_placement)},
          {"options", options},
          {"notes", method.notes}};
}

Json to_json(const std::string& name, const std::string& description, const quant::ActivationMethod& method) {
  return {{"name", name},         {"description", description}, {"quantizes", "activations"},
          {"bits", method.bits},  {"levels", method.levels},    {"trained", method.trained},
          {"notes", method.notes}};
}

void print_method(const std::string& name, const std::string& description, const quant::Method& method) {
  std::cout << fmt::format("{}: {}\n", name, description);
  print_field("bits", method.bits.size() == 1
                          ? either(method.bits)
                          : fmt::format("{}; {} by default", either(method.bits), method.default_bits));
  print_field("levels", method.levels);
  print_field("trained", method.trained);
  print_field("start", start_text(method));
  if (name != "fp32") print_field("placement", own_placement_text(method.own_placement));
  bool first = true;
  for (const quant::MethodOption& option : method.options) {
    const std::string values =
        option.choices.empty() ? std::string() : fmt::format(" ({})", fmt::join(option.choices, ", "));
    print_field(first ? "options" : "", fmt::format("{}={}{}: {}", option.key, option.standard, values, option.help));
    first = false;
  }
  print_field("notes", method.notes);
  std::cout << '\n';
}

}  // namespace

std::string own_placement_text(const quant::OwnPlacement& own) {
  return fmt::format("every convolution{}, {}, {}{}{}", own.first ? ", the first one included" : " but the first",
                     own.shortcut ? "shortcuts included" : "not the shortcuts",
                     own.classifier ? "and the classifier" : "not the classifier", own.note.empty() ? "" : "; ",
                     own.note);
}

int list_methods(bool as_json) {
  if (as_json) {
    Json json = Json::array();
    for (const auto& [name, description, method] : quant::methods().entries()) {
      json.push_back(to_json(name, description, method));
    }
    for (const auto& [name, description, method] : quant::activation_methods().entries()) {
      json.push_back(to_json(name, description, method));
    }
    std::cout << json.dump(2) << '\n';
    return 0;
  }
  std::cout << "Weights: --method NAME --wbits BITS; placement is what --placement method quantizes, options are for\n"
               "--method-option KEY=VALUE and shown with their default\n\n";
  for (const auto& [name, description, method] : quant::methods().entries()) print_method(name, description, method);
  std::cout << "Activations: --abits BITS --activation NAME\n";
  for (const auto& [name, description, method] : quant::activation_methods().entries()) {
    std::cout << fmt::format("\n{}: {}\n", name, description);
    print_field("bits", either(method.bits));
    print_field("levels", method.levels);
    print_field("trained", method.trained);
    print_field("notes", method.notes);
  }
  return 0;
}

}  // namespace denseshift::cli
