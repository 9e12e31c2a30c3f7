#include "core/metrics/coco_boxes.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <thread>
#include <unordered_map>

#include "core/util/cpus.h"
#include "core/util/error.h"

namespace denseshift::metrics {
namespace {

constexpr std::size_t kOverlaps = 10;
constexpr std::size_t kRecalls = 101;
constexpr std::size_t kRanges = 4;  // all, small, medium, large
constexpr std::array<std::array<double, 2>, kRanges> kAreas{{{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}}};
constexpr std::array<std::size_t, 3> kMost = {1, 10, 100};  // detections of one category in one picture
constexpr std::size_t kAll = 0;                             // index into kAreas

/// 0.50, 0.55, ..., 0.95, to the last bit as evenly spaced numbers come out in the reference.
double overlap_threshold(std::size_t t) {
  return t + 1 == kOverlaps ? 0.95 : 0.5 + static_cast<double>(t) * ((0.95 - 0.5) / 9);
}
double recall_point(std::size_t r) { return r + 1 == kRecalls ? 1.0 : static_cast<double>(r) * 0.01; }

bool outside(double area, std::size_t range) { return area < kAreas[range][0] || area > kAreas[range][1]; }

/// Intersection over union; over the area of the detection alone when the truth is a crowd.
double overlap(const std::array<double, 4>& found, const TruthBox& truth) {
  const std::array<double, 4>& box = truth.xywh;
  const double width = std::min(found[0] + found[2], box[0] + box[2]) - std::max(found[0], box[0]);
  if (!(width > 0)) return 0;
  const double height = std::min(found[1] + found[3], box[1] + box[3]) - std::max(found[1], box[1]);
  if (!(height > 0)) return 0;
  const double both = width * height, own = found[2] * found[3];
  const double whole = truth.crowd ? own : own + box[2] * box[3] - both;
  const double result = both / whole;
  return std::isnan(result) ? 0 : result;
}

/// A detection of one category with what matching said about it: one bit per overlap threshold in each range.
struct Judged {
  double score = 0;
  std::uint32_t rank = 0;  // within its picture
  std::array<std::uint16_t, kRanges> matched{};
  std::array<std::uint16_t, kRanges> ignored{};
};

/// Mean of what is added, -1 without anything.
struct Mean {
  double sum = 0;
  std::int64_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  void add(const Mean& other) {
    sum += other.sum;
    count += other.count;
  }
  [[nodiscard]] double value() const { return count == 0 ? -1 : sum / static_cast<double>(count); }
};

/// Places in the twelve numbers.
enum Place : std::size_t { kAp = 0, kAp50 = 1, kAp75 = 2, kApSizes = 3, kAr = 6, kAr100 = 8, kArSizes = 9 };

/// One category: its truths and detections by position of the picture, and its part of the twelve means.
struct CategoryWork {
  std::vector<std::pair<std::uint32_t, const TruthBox*>> truths;
  std::vector<std::pair<std::uint32_t, const Detection*>> found;
  std::array<Mean, 12> means;
};

double score_of(const Detection& detection) {
  return std::isnan(detection.score) ? -std::numeric_limits<double>::infinity() : detection.score;
}

/// Judges the detections of one picture and category.
class Matcher {
 public:
  /// `truths` and `found` in the order of the input; the judged detections are appended, best first.
  void match(const std::vector<const TruthBox*>& truths, std::vector<const Detection*> found,
             std::vector<Judged>& judged) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Detection* a, const Detection* b) { return score_of(*a) > score_of(*b); });
    if (found.size() > kMost.back()) found.resize(kMost.back());
    const std::size_t first = judged.size();
    overlaps_.resize(found.size() * truths.size());
    for (std::size_t d = 0; d < found.size(); ++d) {
      judged.push_back({.score = score_of(*found[d]), .rank = static_cast<std::uint32_t>(d)});
      for (std::size_t g = 0; g < truths.size(); ++g) {
        overlaps_[d * truths.size() + g] = overlap(found[d]->xywh, *truths[g]);
      }
    }
    for (std::size_t range = 0; range < kRanges; ++range) {
      order_truths(truths, range);
      for (std::size_t t = 0; t < kOverlaps; ++t) match_at(truths, found, range, t, judged.data() + first);
    }
  }

 private:
  /// Those that count come first, otherwise in their order.
  void order_truths(const std::vector<const TruthBox*>& truths, std::size_t range) {
    order_.clear();
    for (const bool ignored : {false, true}) {
      if (ignored) counting_ = order_.size();
      for (std::size_t g = 0; g < truths.size(); ++g) {
        if ((truths[g]->crowd || outside(truths[g]->area, range)) == ignored) order_.push_back(g);
      }
    }
  }

  void match_at(const std::vector<const TruthBox*>& truths, const std::vector<const Detection*>& found,
                std::size_t range, std::size_t t, Judged* judged) {
    const auto bit = static_cast<std::uint16_t>(1U << t);
    const std::size_t none = truths.size();
    taken_.assign(truths.size(), false);
    for (std::size_t d = 0; d < found.size(); ++d) {
      double best = std::min(overlap_threshold(t), 1 - 1e-10);
      std::size_t chosen = none;  // position in order_
      for (std::size_t k = 0; k < order_.size(); ++k) {
        const std::size_t g = order_[k];
        if (taken_[g] && !truths[g]->crowd) continue;
        if (chosen < counting_ && k >= counting_) break;
        const double value = overlaps_[d * truths.size() + g];
        if (value < best) continue;
        best = value;
        chosen = k;
      }
      if (chosen != none) {
        taken_[order_[chosen]] = true;
        judged[d].matched[range] |= bit;
      }
      const bool ignored = chosen != none ? chosen >= counting_ : outside(found[d]->xywh[2] * found[d]->xywh[3], range);
      if (ignored) judged[d].ignored[range] |= bit;
    }
  }

  std::vector<double> overlaps_;    // row per detection
  std::vector<std::size_t> order_;  // truths in matching order
  std::size_t counting_ = 0;        // so many of them count
  std::vector<bool> taken_;
};

/// Every detection of the category, by picture and rank.
std::vector<Judged> judge(CategoryWork& work) {
  const auto by_picture = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(work.truths.begin(), work.truths.end(), by_picture);
  std::stable_sort(work.found.begin(), work.found.end(), by_picture);
  std::vector<Judged> judged;
  judged.reserve(work.found.size());
  Matcher matcher;
  std::vector<const TruthBox*> truths;
  std::vector<const Detection*> found;
  std::size_t g = 0;
  for (std::size_t d = 0; d < work.found.size();) {
    const std::uint32_t picture = work.found[d].first;
    truths.clear();
    found.clear();
    for (; g < work.truths.size() && work.truths[g].first <= picture; ++g) {
      if (work.truths[g].first == picture) truths.push_back(work.truths[g].second);
    }
    for (; d < work.found.size() && work.found[d].first == picture; ++d) found.push_back(work.found[d].second);
    matcher.match(truths, found, judged);
  }
  return judged;
}

/// Mean precision at the recall points, from whether the counting detections were right along the ranking.
Mean precision_of(const std::vector<bool>& right, double positives) {
  std::vector<double> precision(right.size()), recall(right.size());
  double hits = 0, misses = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    ++(right[i] ? hits : misses);
    recall[i] = hits / positives;
    precision[i] = hits / (hits + misses + std::numeric_limits<double>::epsilon());
  }
  for (std::size_t i = right.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  Mean mean;
  for (std::size_t r = 0; r < kRecalls; ++r) {
    const auto at = std::lower_bound(recall.begin(), recall.end(), recall_point(r)) - recall.begin();
    mean.add(at < static_cast<std::ptrdiff_t>(recall.size()) ? precision[static_cast<std::size_t>(at)] : 0.0);
  }
  return mean;
}

/// Adds the numbers of one range of sizes at one overlap. `ranked`: all detections, best first.
void accumulate(const std::vector<Judged>& ranked, std::size_t range, std::size_t t, double positives,
                std::array<Mean, 12>& means) {
  std::vector<bool> right;
  right.reserve(ranked.size());
  std::array<std::size_t, kMost.size()> hits{};
  for (const Judged& one : ranked) {
    if ((one.ignored[range] >> t & 1) != 0) continue;
    right.push_back((one.matched[range] >> t & 1) != 0);
    if (!right.back()) continue;
    for (std::size_t m = 0; m < kMost.size(); ++m) hits[m] += one.rank < kMost[m];
  }
  const Mean precision = precision_of(right, positives);
  if (range != kAll) {
    means[kApSizes + range - 1].add(precision);
    means[kArSizes + range - 1].add(static_cast<double>(hits.back()) / positives);
    return;
  }
  means[kAp].add(precision);
  if (t == 0) means[kAp50].add(precision);
  if (t == 5) means[kAp75].add(precision);
  for (std::size_t m = 0; m < kMost.size(); ++m) means[kAr + m].add(static_cast<double>(hits[m]) / positives);
}

void evaluate_category(CategoryWork& work) {
  std::array<std::size_t, kRanges> positives{};
  for (const auto& [picture, truth] : work.truths) {
    for (std::size_t range = 0; range < kRanges; ++range) {
      positives[range] += !truth->crowd && !outside(truth->area, range);
    }
  }
  if (positives == std::array<std::size_t, kRanges>{}) return;
  std::vector<Judged> ranked = judge(work);
  std::stable_sort(ranked.begin(), ranked.end(), [](const Judged& a, const Judged& b) { return a.score > b.score; });
  for (std::size_t range = 0; range < kRanges; ++range) {
    if (positives[range] == 0) continue;
    for (std::size_t t = 0; t < kOverlaps; ++t) {
      accumulate(ranked, range, t, static_cast<double>(positives[range]), work.means);
    }
  }
}

/// Ids and where they are: pictures in ascending order, categories in their list.
using Positions = std::unordered_map<std::int64_t, std::uint32_t>;

Positions picture_positions(const std::vector<std::int64_t>& images) {
  std::vector<std::int64_t> sorted = images;
  std::sort(sorted.begin(), sorted.end());
  Positions positions;
  for (const std::int64_t id : sorted) positions.emplace(id, static_cast<std::uint32_t>(positions.size()));
  return positions;
}

void distribute(const BoxTruth& truth, const std::vector<Detection>& detections, std::vector<CategoryWork>& work) {
  const Positions pictures = picture_positions(truth.images);
  Positions categories;
  for (const auto& [id, name] : truth.categories) categories.emplace(id, static_cast<std::uint32_t>(categories.size()));
  if (pictures.size() != truth.images.size() || categories.size() != truth.categories.size()) {
    throw input_error("a picture or a category of the truth comes twice");
  }
  for (const TruthBox& box : truth.boxes) {
    const auto picture = pictures.find(box.image);
    const auto category = categories.find(box.category);
    if (picture == pictures.end() || category == categories.end()) {
      throw input_error("a box of the truth is in an unlisted picture or category");
    }
    work[category->second].truths.emplace_back(picture->second, &box);
  }
  for (const Detection& detection : detections) {
    const auto picture = pictures.find(detection.image);
    if (picture == pictures.end()) {
      throw input_error(
          "a detection is in picture " + std::to_string(detection.image) + ", which the truth does not have",
          "give the annotations that belong to the detections");
    }
    const auto category = categories.find(detection.category);
    if (category != categories.end()) work[category->second].found.emplace_back(picture->second, &detection);
  }
}

}  // namespace

CocoNumbers evaluate_boxes(const BoxTruth& truth, const std::vector<Detection>& detections) {
  std::vector<CategoryWork> work(truth.categories.size());
  distribute(truth, detections, work);
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    for (std::size_t i = next++; i < work.size(); i = next++) evaluate_category(work[i]);
  };
  std::vector<std::jthread> helpers;
  const std::size_t threads = std::min<std::size_t>(static_cast<std::size_t>(usable_cpus()), work.size());
  for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(run);
  run();
  helpers.clear();

  CocoNumbers result;
  std::array<Mean, 12> means;
  for (std::size_t c = 0; c < work.size(); ++c) {
    const std::array<Mean, 12>& own = work[c].means;
    for (std::size_t i = 0; i < means.size(); ++i) means[i].add(own[i]);
    result.categories.push_back({truth.categories[c].first, truth.categories[c].second, own[kAp].value(),
                                 own[kAp50].value(), own[kAr100].value()});
  }
  for (std::size_t i = 0; i < means.size(); ++i) result.numbers[i] = means[i].value();
  return result;
}

}  // namespace denseshift::metrics
