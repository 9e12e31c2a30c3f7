#include "experiments/report/render.h"

#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::experiments {
namespace {

using RenderOne = std::string (*)(const StudyResult&, const RenderOptions&);

// Tables one after the other, with an empty line between.
ReportFormat one_by_one(const std::string& name, RenderOne render) {
  return {name, [render](const std::vector<StudyResult>& results, const RenderOptions& options) {
            std::string text;
            for (const StudyResult& result : results) {
              if (!text.empty()) text += '\n';
              text += render(result, options);
            }
            return text;
          }};
}

}  // namespace

const std::vector<ReportFormat>& report_formats() {
  static const std::vector<ReportFormat> formats = {
      one_by_one("text", render_text),
      one_by_one("md", render_markdown),
      one_by_one("latex", render_latex),
      {"csv", render_csv},
      {"json", render_json},
  };
  return formats;
}

const ReportFormat& report_format(const std::string& name) {
  std::vector<std::string> names;
  for (const ReportFormat& format : report_formats()) {
    if (format.name == name) return format;
    names.push_back(format.name);
  }
  throw usage_error("--format: unknown format '" + name + "'", suggestion(name, names));
}

}  // namespace denseshift::experiments
