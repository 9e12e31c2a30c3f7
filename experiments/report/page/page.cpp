#include "experiments/report/page/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/util/error.h"
#include "experiments/plot/palette.h"
#include "experiments/report/escape.h"
#include "experiments/report/figures/study_figure.h"
#include "experiments/report/page/page_runs.h"
#include "results_db/statement.h"

namespace denseshift::experiments {
namespace {

using results_db::Database;

/// The results of one study: consecutive elements of the page's list.
struct StudyGroup {
  std::vector<const StudyResult*> scales;

  [[nodiscard]] const StudyResult& first() const { return *scales.front(); }
  [[nodiscard]] std::int64_t filled() const {
    std::int64_t sum = 0;
    for (const StudyResult* result : scales) sum += result->filled;
    return sum;
  }
};

std::vector<StudyGroup> group_by_study(const std::vector<StudyResult>& results) {
  std::vector<StudyGroup> groups;
  for (const StudyResult& result : results) {
    if (groups.empty() || groups.back().first().study != result.study) groups.emplace_back();
    groups.back().scales.push_back(&result);
  }
  return groups;
}

std::string style() {
  const std::string light = plot::style_variables(plot::Theme::light);
  const std::string dark =
      "--bg:#0f1216;--soft:#1b2027;--ink:#e4e7eb;--muted:#9aa5b1;--line:#333b45;--link:#6cb6ff;--warn:#f0b35e;"
      "--mark:#5c4a12;" +
      plot::style_variables(plot::Theme::dark);
  // On paper the page is light whatever the screen is.
  return fmt::format(
      "<style>\n{}:root{{{}}}\n"
      "@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{}}}}}\n"
      "@media screen{{:root[data-theme=dark]{{{};color-scheme:dark}}:root[data-theme=light]{{color-scheme:light}}}}\n"
      "{}</style>\n",
      page_css(), light, dark, dark, plot::style_rules(plot::Theme::page));
}

std::string contents(const std::vector<StudyGroup>& groups) {
  std::string html = "<nav aria-label=\"contents\"><details open><summary>Contents</summary><ol>\n";
  for (const StudyGroup& group : groups) {
    std::int64_t total = 0;
    for (const StudyResult* result : group.scales) total += result->total;
    html += fmt::format(
        "<li><a href=\"#study-{0}\">{0}</a> <span class=\"count\" title=\"cells with a value\">{1} / {2}</span></li>\n",
        escape_html(group.first().study), group.filled(), total);
  }
  return html +
         "<li><a href=\"#curves\">Training curves</a></li>\n<li><a "
         "href=\"#runs\">Runs</a></li>\n</ol></details></nav>\n";
}

std::string table(const StudyResult& result, const PageOptions& options) {
  const std::string fragment = render_html_table(result, options.render);
  const std::string scale = escape_html(result.scale);
  if (result.filled > 0) return fmt::format("<div data-scale=\"{}\">\n{}</div>\n", scale, fragment);
  return fmt::format(
      "<details class=\"compact\" data-scale=\"{}\"><summary>scale {}: no run yet ({} rows)</summary>\n{}</details>\n",
      scale, scale, result.rows.size(), fragment);
}

std::string behind(const StudyGroup& group) {
  std::string items;
  std::size_t runs = 0;
  for (const StudyResult* result : group.scales) {
    for (const RowResult& row : result->rows) {
      std::string links;
      for (const CellResult& cell : row.cells) {
        for (const CellRun& run : cell.runs) {
          const std::string link = fmt::format("<a href=\"#run-{0}\">{0}</a>", run.run);
          if (links.find(link) != std::string::npos) continue;
          links += (links.empty() ? "" : ", ") + link;
          ++runs;
        }
      }
      if (links.empty()) continue;
      std::string labels;
      for (const std::string& label : row.labels) {
        if (!label.empty()) labels += (labels.empty() ? "" : " ") + label;
      }
      items += fmt::format("<li>{} ({}): {}</li>\n", escape_html(labels), escape_html(result->scale), links);
    }
  }
  if (items.empty()) return {};
  return fmt::format(
      "<details class=\"behind\"><summary>Runs behind these cells ({})</summary><ul>\n{}</ul></details>\n", runs,
      items);
}

std::string figure(const StudyResult& result, const Database* database) {
  const plot::Figure drawing = study_figure(result, database);
  std::string html =
      fmt::format("<div class=\"figure-block\" data-scale=\"{}\"><h3>{}, scale {}</h3>\n<div class=\"figure\">\n",
                  escape_html(result.scale), escape_html(drawing.title), escape_html(result.scale));
  for (const plot::Figure& panel : plot::split_panels(drawing)) html += plot::draw(panel, plot::Theme::page);
  html += "</div>\n";
  for (const std::string& note : drawing.notes) html += fmt::format("<p class=\"note\">{}</p>\n", escape_html(note));
  return html + "</div>\n";
}

/// The figure at each scale with values; without any, at the smallest, which shows the axes and what needs no run.
std::string figures(const StudyGroup& group, const Database* database) {
  if (group.first().figure.empty()) return {};
  std::string html;
  for (const StudyResult* result : group.scales) {
    if (result->filled > 0) html += figure(*result, database);
  }
  return html.empty() ? figure(group.first(), database) : html;
}

std::string section(const StudyGroup& group, const Database* database, const PageOptions& options) {
  const StudyResult& first = group.first();
  std::string html = fmt::format("<section id=\"study-{0}\" data-study=\"{0}\"><h2>{0}: {1}</h2>\n",
                                 escape_html(first.study), escape_html(first.title));
  html += figures(group, database);
  for (const StudyResult* result : group.scales) html += table(*result, options);
  return html + behind(group) + "</section>\n";
}

std::string curves_section(std::size_t shown, std::int64_t all) {
  std::string html = "<section id=\"curves\"><h2>Training curves</h2>\n";
  if (shown == 0) return html + "<p class=\"note\">No run has recorded metrics yet.</p></section>\n";
  html +=
      "<div class=\"curves\"><div><div class=\"pick\"><label>metric <select "
      "id=\"curve-metric\"></select></label></div>\n"
      "<div id=\"curve-area\"></div><ul class=\"key\" id=\"curve-key\"></ul></div>\n"
      "<div><div class=\"pick\"><input type=\"search\" id=\"curve-find\" placeholder=\"find runs\" aria-label=\"find "
      "runs\">"
      "<button id=\"curve-all\">all</button><button id=\"curve-none\">none</button></div>\n"
      "<div class=\"list\" id=\"curve-list\"></div></div></div>\n";
  if (static_cast<std::int64_t>(shown) < all) {
    html += fmt::format(
        "<p class=\"note\">{} of {} runs are in this page: those behind cells, then the newest. `denseshift report "
        "curves "
        "RUN` draws any.</p>\n",
        shown, all);
  }
  return html + "</section>\n";
}

std::string head(const PageOptions& options) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src "
      "'unsafe-inline'\">\n<title>{}</title>\n{}</head>\n",
      escape_html(options.title), style());
}

std::string page_header(const std::vector<StudyResult>& results, const PageOptions& options, const std::string& state) {
  std::vector<std::string> scales;
  for (const StudyResult& result : results) {
    if (std::ranges::find(scales, result.scale) == scales.end()) scales.push_back(result.scale);
  }
  std::string choices = "<option value=\"\">all scales</option>";
  for (const std::string& scale : scales) choices += fmt::format("<option>{}</option>", escape_html(scale));
  return fmt::format(
      "<header><h1>{}</h1><span class=\"state\">{} <span id=\"shown\" role=\"status\"></span></span>\n"
      "<div class=\"controls\"><input type=\"search\" id=\"search\" placeholder=\"search studies, rows, runs\" "
      "aria-label=\"search\"><select id=\"scale\" aria-label=\"scale\">{}</select>"
      "<button id=\"theme\">theme</button></div></header>\n",
      escape_html(options.title), escape_html(state), choices);
}

/// How many runs the database holds, and when the last one ended: the page has no other date, so equal databases give
/// equal pages.
std::string database_state(const Database& database, std::int64_t& runs) {
  results_db::Statement count(database, "SELECT count(*), max(ended_at) FROM runs");
  count.step();
  runs = count.integer(0);
  return runs == 0 ? "no runs recorded" : fmt::format("{} runs, the last ended {}", runs, count.text(1));
}

}  // namespace

std::string render_page(const std::vector<StudyResult>& results, const Database* database, const PageOptions& options) {
  const std::vector<StudyGroup> groups = group_by_study(results);
  std::int64_t all_runs = 0;
  std::string state = "no database";
  std::vector<std::int64_t> runs;
  if (database != nullptr) {
    state = database_state(*database, all_runs);
    runs = page_runs(results, *database, std::max(options.provenance_runs, options.curve_runs));
  }
  const std::vector<std::int64_t> drawn(
      runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(std::min(runs.size(), options.curve_runs)));
  runs.resize(std::min(runs.size(), options.provenance_runs));

  std::string html = head(options) + "<body>\n" + page_header(results, options, state);
  html += "<div class=\"layout\">\n" + contents(groups) + "<main>\n";
  for (const StudyGroup& group : groups) html += section(group, database, options);
  html += curves_section(drawn.size(), all_runs);
  html += "<section id=\"runs\"><h2>Runs</h2>\n";
  if (runs.empty()) html += "<p class=\"note\">No run has been recorded yet.</p>\n";
  for (const std::int64_t run : runs) html += provenance_html(*database, run);
  if (static_cast<std::int64_t>(runs.size()) < all_runs) {
    html +=
        fmt::format("<p class=\"note\">{} of {} runs; `denseshift runs list` shows all.</p>\n", runs.size(), all_runs);
  }
  html +=
      "</section>\n</main>\n</div>\n<footer>Made by denseshift. Measured values come from recorded runs; a cell "
      "without one is empty.</footer>\n";
  html += "<script type=\"application/json\" id=\"report-data\">";
  html += database != nullptr ? curves_data(*database, drawn, options) : "{\"runs\":[]}";
  return html + "</script>\n<script>\n" + page_js() + "</script>\n</body>\n</html>\n";
}

}  // namespace denseshift::experiments
