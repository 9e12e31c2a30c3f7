#include "cli/commands/report_drawn.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cli/commands/runs_common.h"
#include "cli/render_module.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/suggest.h"
#include "experiments/report/figures/study_figure.h"
#include "experiments/report/page/page.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using experiments::StudyResult;

bool is_picture(const std::string& format) { return format == "svg" || format == "png"; }

/// The one figure among the results.
const StudyResult& only_figure(const std::vector<StudyResult>& results, const std::string& format) {
  const StudyResult* found = nullptr;
  for (const StudyResult& result : results) {
    if (found != nullptr && found->study == result.study) {
      throw usage_error(
          fmt::format("--format {}: {} has runs at several scales, and a picture shows one", format, result.study),
          fmt::format("add --scale {} or --scale {}", found->scale, result.scale));
    }
    if (found != nullptr) {
      throw usage_error(
          fmt::format("--format {} draws one study, and {} and {} were given", format, found->study, result.study),
          "`--format html` puts all of them into one page");
    }
    found = &result;
  }
  if (found == nullptr) throw usage_error(fmt::format("--format {}: there is nothing to draw", format));
  return *found;
}

}  // namespace

const std::vector<std::string>& drawn_formats() {
  static const std::vector<std::string> names = {"svg", "png", "html"};
  return names;
}

void add_drawing_options(po::options_description& group) {
  group.add_options()("theme", po::value<std::string>()->value_name("light|dark"), "svg, png: colours [light]")(
      "scale-factor", po::value<double>()->value_name("X"), "png: pixels for each unit of the drawing [2]")(
      "width", po::value<int>()->value_name("N"), "png: width in pixels, instead of --scale-factor");
}

void check_drawing_options(const po::variables_map& values, const std::string& format) {
  if (values.count("theme") > 0) {
    if (!is_picture(format)) throw usage_error("--theme is for --format svg and png");
    const std::string theme = text_option(values, "theme");
    if (theme != "light" && theme != "dark") {
      throw usage_error(fmt::format("--theme: unknown theme '{}'", theme), suggestion(theme, {"light", "dark"}));
    }
  }
  for (const char* name : {"scale-factor", "width"}) {
    if (values.count(name) > 0 && format != "png") throw usage_error(fmt::format("--{} is for --format png", name));
  }
  if (values.count("scale-factor") > 0 && values.count("width") > 0) {
    throw usage_error("--scale-factor and --width exclude each other");
  }
  if (values.count("scale-factor") > 0) {
    const double factor = values["scale-factor"].as<double>();
    if (!(factor >= 0.1 && factor <= 20)) throw usage_error("--scale-factor: use a value from 0.1 to 20");
  }
  if (values.count("width") > 0) {
    const int width = values["width"].as<int>();
    if (width < 50 || width > 20000) throw usage_error("--width: use a value from 50 to 20000");
  }
}

std::string render_figure(const plot::Figure& figure, const std::string& format, const po::variables_map& values) {
  const bool dark = text_option(values, "theme") == "dark";
  const std::string svg = plot::draw(figure, dark ? plot::Theme::dark : plot::Theme::light);
  if (format == "svg") return svg;
  PngSize size;
  if (values.count("scale-factor") > 0) size.scale = values["scale-factor"].as<double>();
  if (values.count("width") > 0) size.width = values["width"].as<int>();
  return render_png(svg, size);
}

std::string render_drawn(const std::string& format, const std::vector<StudyResult>& results,
                         const results_db::Database* database, const experiments::RenderOptions& options,
                         const po::variables_map& values) {
  if (is_picture(format)) {
    return render_figure(experiments::study_figure(only_figure(results, format), database), format, values);
  }
  experiments::PageOptions page;
  page.render = options;
  return experiments::render_page(results, database, page);
}

void write_report(const std::string& text, const std::string& file, const std::string& format) {
  if (!file.empty()) {
    write_file(file, text);
    std::cerr << fmt::format("wrote {}\n", file);
    return;
  }
  if (format == "png" && isatty(STDOUT_FILENO) == 1) {
    throw usage_error("a PNG is not written to a terminal", "give --out FILE");
  }
  std::cout << text;
}

}  // namespace denseshift::cli
