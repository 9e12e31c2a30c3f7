#pragma once
// Accuracy of spoken commands: whole intents, each slot, and which intent was taken for which.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/data/audio/intents.h"

namespace denseshift::metrics {

/// Counts predictions of intents. Counts of disjoint sets of samples can be merged in any order.
class IntentAccuracy {
 public:
  /// REQUIRES: every intent has a value for each slot.
  explicit IntentAccuracy(data::Intents intents);

  /// Counts one sample. Throws std::out_of_range for an intent that does not exist.
  void add(std::int64_t truth, std::int64_t predicted);
  /// Adds the counts of another part. Throws std::invalid_argument when its intents are others.
  void merge(const IntentAccuracy& other);

  [[nodiscard]] std::int64_t samples() const { return samples_; }
  /// Share of samples whose intent is right, 0 to 1; that is, all of whose slots are right. 0 without samples.
  [[nodiscard]] double accuracy() const;
  /// Name of each slot and share of samples whose value of it is right.
  [[nodiscard]] std::vector<std::pair<std::string, double>> slot_accuracies() const;
  /// Samples of intent `truth` that were taken for `predicted`. Throws as add() does.
  [[nodiscard]] std::int64_t confusion(std::int64_t truth, std::int64_t predicted) const;
  [[nodiscard]] const data::Intents& intents() const { return intents_; }

  /// A line for each true intent, a column for each predicted one, with their names (RFC 4180, LF line ends).
  [[nodiscard]] std::string confusion_csv() const;

 private:
  [[nodiscard]] std::size_t cell(std::int64_t truth, std::int64_t predicted) const;

  data::Intents intents_;
  std::int64_t samples_ = 0;
  std::vector<std::int64_t> counts_;  ///< intents x intents, rows are true
};

}  // namespace denseshift::metrics
