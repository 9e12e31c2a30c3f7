#include "cli/coco_report.h"

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <string>

#include "cli/terminal/table.h"

namespace denseshift::cli {
namespace {

/// What one of the twelve numbers stands for.
struct Meaning {
  const char* overlap;
  const char* size;
  const char* detections;
};
constexpr std::array<Meaning, 12> kMeanings = {{{"0.50:0.95", "all", "100"},
                                                {"0.50", "all", "100"},
                                                {"0.75", "all", "100"},
                                                {"0.50:0.95", "small", "100"},
                                                {"0.50:0.95", "medium", "100"},
                                                {"0.50:0.95", "large", "100"},
                                                {"0.50:0.95", "all", "1"},
                                                {"0.50:0.95", "all", "10"},
                                                {"0.50:0.95", "all", "100"},
                                                {"0.50:0.95", "small", "100"},
                                                {"0.50:0.95", "medium", "100"},
                                                {"0.50:0.95", "large", "100"}}};

std::string percent(double fraction) { return fraction < 0 ? "-" : fmt::format("{:.2f}", 100 * fraction); }

}  // namespace

nlohmann::ordered_json coco_json(const metrics::CocoNumbers& numbers) {
  nlohmann::ordered_json summary, categories = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < numbers.numbers.size(); ++i) summary[metrics::kCocoNames[i]] = numbers.numbers[i];
  for (const metrics::CategoryAp& one : numbers.categories) {
    categories.push_back(
        {{"id", one.id}, {"name", one.name}, {"ap", one.ap}, {"ap50", one.ap50}, {"ar100", one.ar100}});
  }
  return {{"numbers", summary}, {"categories", categories}};
}

void print_coco_tables(const metrics::CocoNumbers& numbers, std::ostream& out) {
  Table summary({{"metric"}, {"IoU"}, {"size"}, {"detections", true}, {"%", true}});
  for (std::size_t i = 0; i < kMeanings.size(); ++i) {
    summary.add({metrics::kCocoNames[i], kMeanings[i].overlap, kMeanings[i].size, kMeanings[i].detections,
                 percent(numbers.numbers[i])});
  }
  summary.print(out);
  out << '\n';
  Table categories({{"id", true}, {"category"}, {"AP", true}, {"AP50", true}, {"AR100", true}});
  for (const metrics::CategoryAp& one : numbers.categories) {
    categories.add({std::to_string(one.id), one.name, percent(one.ap), percent(one.ap50), percent(one.ar100)});
  }
  categories.print(out);
}

}  // namespace denseshift::cli
