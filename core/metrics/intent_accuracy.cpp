#include "core/metrics/intent_accuracy.h"

#include <stdexcept>

#include "core/util/csv.h"

namespace denseshift::metrics {

IntentAccuracy::IntentAccuracy(data::Intents intents) : intents_(std::move(intents)) {
  counts_.resize(intents_.intents.size() * intents_.intents.size());
}

std::size_t IntentAccuracy::cell(std::int64_t truth, std::int64_t predicted) const {
  const std::int64_t count = intents_.size();
  if (truth < 0 || truth >= count || predicted < 0 || predicted >= count) {
    throw std::out_of_range("there is no such intent");
  }
  return static_cast<std::size_t>(truth * count + predicted);
}

void IntentAccuracy::add(std::int64_t truth, std::int64_t predicted) {
  ++counts_[cell(truth, predicted)];
  ++samples_;
}

void IntentAccuracy::merge(const IntentAccuracy& other) {
  if (!(intents_ == other.intents_)) throw std::invalid_argument("accuracies of different intents cannot be merged");
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  samples_ += other.samples_;
}

std::int64_t IntentAccuracy::confusion(std::int64_t truth, std::int64_t predicted) const {
  return counts_[cell(truth, predicted)];
}

double IntentAccuracy::accuracy() const {
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < intents_.size(); ++i) right += confusion(i, i);
  return samples_ == 0 ? 0 : static_cast<double>(right) / static_cast<double>(samples_);
}

std::vector<std::pair<std::string, double>> IntentAccuracy::slot_accuracies() const {
  std::vector<std::pair<std::string, double>> result;
  for (std::size_t slot = 0; slot < intents_.slots.size(); ++slot) {
    std::int64_t right = 0;
    for (std::size_t truth = 0; truth < intents_.intents.size(); ++truth) {
      for (std::size_t predicted = 0; predicted < intents_.intents.size(); ++predicted) {
        const bool same = intents_.intents[truth][slot] == intents_.intents[predicted][slot];
        if (same) right += counts_[truth * intents_.intents.size() + predicted];
      }
    }
    result.emplace_back(intents_.slots[slot],
                        samples_ == 0 ? 0 : static_cast<double>(right) / static_cast<double>(samples_));
  }
  return result;
}

std::string IntentAccuracy::confusion_csv() const {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < intents_.size(); ++i) names.push_back(csv_field(intents_.name(i)));
  std::string text = "true \\ predicted";
  for (const std::string& name : names) text += "," + name;
  text += "\n";
  for (std::int64_t truth = 0; truth < intents_.size(); ++truth) {
    text += names[static_cast<std::size_t>(truth)];
    for (std::int64_t predicted = 0; predicted < intents_.size(); ++predicted) {
      text += "," + std::to_string(confusion(truth, predicted));
    }
    text += "\n";
  }
  return text;
}

}  // namespace denseshift::metrics
