#include "cli/commands/eval_predictions.h"

#include <fmt/core.h>

#include <iostream>
#include <utility>

#include "cli/coco_report.h"
#include "core/data/coco/annotations.h"
#include "core/data/coco/results.h"
#include "core/metrics/coco_boxes.h"

namespace denseshift::cli {
namespace coco = data::coco;

int eval_predictions(const std::string& predictions, const std::string& annotations, bool json) {
  const metrics::BoxTruth truth = coco::truth_of(coco::read_annotations(annotations, {.segmentations = false}));
  const coco::Results results = coco::read_results(predictions, truth);
  if (results.unlisted > 0) {
    std::cerr << fmt::format("denseshift: warning: {} of the predictions are of categories that {} does not have\n",
                             results.unlisted, annotations);
  }
  const metrics::CocoNumbers numbers = evaluate_boxes(truth, results.detections);
  if (json) {
    nlohmann::ordered_json document = {{"predictions", predictions},
                                       {"annotations", annotations},
                                       {"images", truth.images.size()},
                                       {"boxes", truth.boxes.size()},
                                       {"detections", results.detections.size()},
                                       {"left_out", results.unlisted}};
    document.update(coco_json(numbers));
    std::cout << document.dump(2) << '\n';
    return 0;
  }
  std::cout << fmt::format("{} detections, {} boxes in {} images\n\n", results.detections.size(), truth.boxes.size(),
                           truth.images.size());
  print_coco_tables(numbers, std::cout);
  return 0;
}

}  // namespace denseshift::cli
