#pragma once
// One self-contained HTML page: tables, figures, training curves and the provenance of every run behind a cell. It
// loads nothing: style and script are in it, and its content security policy forbids the rest.

#include <string>
#include <vector>

#include "experiments/report/render.h"
#include "results_db/database.h"

namespace denseshift::experiments {

/// What bounds the page. A page that leaves something out says so.
struct PageOptions {
  std::string title = "denseshift report";
  RenderOptions render;
  std::size_t provenance_runs = 400;  ///< runs with their provenance, those behind cells first, then the newest
  std::size_t curve_runs = 60;        ///< runs with curves, likewise
  std::size_t curve_points = 200;     ///< of each curve, evenly chosen
  std::size_t curves_per_run = 24;    ///< different split/metric pairs
};

/// `results` in the order of the page; results of one study stand together, smallest scale first. Tables without a
/// single value are folded to a line. `database` may be null.
[[nodiscard]] std::string render_page(const std::vector<StudyResult>& results, const results_db::Database* database,
                                      const PageOptions& options = {});

/// Style and script, from the files beside this one.
[[nodiscard]] std::string page_css();
[[nodiscard]] std::string page_js();

}  // namespace denseshift::experiments
