#pragma once
// eval --predictions: somebody's detections against annotations, both in COCO's formats.

#include <string>

namespace denseshift::cli {

/// Evaluates a results file (a JSON list of image_id, category_id, bbox, score) against an instances file and prints
/// COCO's twelve numbers and the categories to stdout. Predictions of categories that the annotations lack are left
/// out, which is said on stderr. Returns the exit status; throws an input error that names file and entry.
int eval_predictions(const std::string& predictions, const std::string& annotations, bool json);

}  // namespace denseshift::cli
