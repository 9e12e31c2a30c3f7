#pragma once
// The formats of `report` that draw: svg, png and html. They need the database, not only the tables.

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <vector>

#include "experiments/plot/chart.h"
#include "experiments/report/render.h"
#include "experiments/report/study_result.h"
#include "results_db/database.h"

namespace denseshift::cli {

/// svg, png, html.
[[nodiscard]] const std::vector<std::string>& drawn_formats();

/// --theme, --scale-factor and --width.
void add_drawing_options(boost::program_options::options_description& group);

/// Throws a usage error for values out of range, and for options of pictures with another format.
void check_drawing_options(const boost::program_options::variables_map& values, const std::string& format);

/// A figure as the text of an SVG file or the bytes of a PNG file.
[[nodiscard]] std::string render_figure(const plot::Figure& figure, const std::string& format,
                                        const boost::program_options::variables_map& values);

/// What `format` makes of the results. Throws a usage error where svg and png are asked for anything but one figure at
/// one scale. `database` may be null.
[[nodiscard]] std::string render_drawn(const std::string& format, const std::vector<experiments::StudyResult>& results,
                                       const results_db::Database* database, const experiments::RenderOptions& options,
                                       const boost::program_options::variables_map& values);

/// Writes to a file, whole or not at all, or to standard output. Throws a usage error for a PNG on a terminal.
void write_report(const std::string& text, const std::string& file, const std::string& format);

/// `report curves RUN...`, with the arguments after "curves".
[[nodiscard]] int report_curves(const std::vector<std::string>& arguments);

}  // namespace denseshift::cli
