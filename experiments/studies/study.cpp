#include "experiments/studies/study.h"

#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::experiments {
namespace {

template <class Items, class Name>
const auto& find_named(const Items& items, const std::string& name, const std::string& what, Name&& name_of) {
  std::vector<std::string> names;
  for (const auto& item : items) {
    if (name_of(item) == name) return item;
    names.push_back(name_of(item));
  }
  throw usage_error(what + " '" + name + "'", suggestion(name, names));
}

}  // namespace

const std::vector<std::string>& study_scales() {
  static const std::vector<std::string> scales = {"smoke", "small", "paper"};
  return scales;
}

const StudyScale& Study::scale(const std::string& wanted) const {
  return find_named(scales, wanted, name + ": no scale", [](const StudyScale& item) { return item.name; });
}

const StudyColumn& Study::column(const std::string& id) const {
  return find_named(columns, id, name + ": no column", [](const StudyColumn& item) { return item.id; });
}

const StudyRow& Study::row(const std::string& id) const {
  return find_named(rows, id, name + ": no row", [](const StudyRow& item) { return item.id; });
}

MetricReference cell_metric(const StudyRow& row, const StudyColumn& column) {
  static const std::string mark = "{row}";
  MetricReference metric = column.metric;
  if (const std::size_t at = metric.name.find(mark); at != std::string::npos)
    metric.name.replace(at, mark.size(), row.id);
  return metric;
}

bool task_is_built(const std::string& task) {
  return task == "classification" || task == "detection" || task == "segmentation" || task == "speech";
}

std::string benchmark_of_task(const std::string& task) { return task == "kernels" ? "bench kernels" : ""; }

const Study& StudyCatalog::get(const std::string& name) const {
  std::vector<std::string> names;
  for (const Study& study : studies_) {
    if (study.name == name) return study;
    for (const std::string& alias : study.aliases) {
      if (alias == name) return study;
      names.push_back(alias);
    }
    names.push_back(study.name);
  }
  throw usage_error("unknown study '" + name + "'", suggestion(name, names));
}

}  // namespace denseshift::experiments
