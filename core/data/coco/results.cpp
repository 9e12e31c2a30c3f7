#include "core/data/coco/results.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string>
#include <unordered_set>

#include "core/data/coco/record_stream.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::data::coco {
namespace {

metrics::Detection read_result(const nlohmann::json& members) {
  return {.image = integer_member(members, "image_id"),
          .category = integer_member(members, "category_id"),
          .xywh = box_member(members),
          .score = number_member(members, "score")};
}

}  // namespace

Results read_results(const std::filesystem::path& path, const metrics::BoxTruth& truth) {
  const std::unordered_set<std::int64_t> images(truth.images.begin(), truth.images.end());
  std::unordered_set<std::int64_t> categories;
  for (const auto& [id, name] : truth.categories) categories.insert(id);
  Results results;
  const WantedRecords wanted{.members = {"image_id", "category_id", "bbox", "score"}};
  read_records(path, wanted, [&](const Record& record) {
    try {
      const metrics::Detection detection = read_result(record.members);
      if (!images.contains(detection.image)) {
        throw input_error(fmt::format("the annotations do not have picture {}", detection.image),
                          "give the annotations that belong to the predictions");
      }
      if (categories.contains(detection.category)) {
        results.detections.push_back(detection);
      } else {
        ++results.unlisted;
      }
    } catch (const Error& error) {
      throw input_error(fmt::format("{}: entry {}: {}", path.string(), record.number, error.what()), error.hint());
    }
  });
  return results;
}

void write_results(const std::filesystem::path& path, const std::vector<metrics::Detection>& detections) {
  constexpr std::size_t kPiece = 1 << 20;
  AtomicFile file(path);
  std::string text = "[";
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const metrics::Detection& one = detections[i];
    const auto& box = one.xywh;
    if (!std::isfinite(box[0] + box[1] + box[2] + box[3] + one.score)) {
      throw work_error(fmt::format("{}: detection {} has a number that is not finite", path.string(), i + 1));
    }
    fmt::format_to(std::back_inserter(text),
                   "{}\n{{\"image_id\":{},\"category_id\":{},\"bbox\":[{},{},{},{}],\"score\":{}}}", i == 0 ? "" : ",",
                   one.image, one.category, box[0], box[1], box[2], box[3], one.score);
    if (text.size() < kPiece) continue;
    file.write(text.data(), text.size());
    text.clear();
  }
  text += "\n]\n";
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace denseshift::data::coco
