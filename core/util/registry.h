#pragma once
// Named things that can be chosen by the user: quantizers, architectures, datasets, schedules, optimisers.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift {

/// An ordered table name -> (description, value). It is filled by one visible function per kind of thing, never by
/// static initialisers, so a static library cannot lose an entry.
template <class Value>
class Registry {
 public:
  struct Entry {
    std::string name;
    std::string description;
    Value value;
  };

  /// `kind` is the word used in messages ("architecture").
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  /// Throws std::logic_error when the name is taken: that is a bug of ours.
  void add(std::string name, std::string description, Value value) {
    for (const Entry& entry : entries_) {
      if (entry.name == name) throw std::logic_error(kind_ + " registered twice: " + name);
    }
    entries_.push_back({std::move(name), std::move(description), std::move(value)});
  }

  /// Throws a usage error with the nearest name when `name` is unknown.
  [[nodiscard]] const Value& get(const std::string& name) const { return entry(name).value; }

  [[nodiscard]] const Entry& entry(const std::string& name) const {
    for (const Entry& entry : entries_) {
      if (entry.name == name) return entry;
    }
    throw usage_error("unknown " + kind_ + " '" + name + "'", suggestion(name, names()));
  }

  [[nodiscard]] bool contains(const std::string& name) const {
    for (const Entry& entry : entries_) {
      if (entry.name == name) return true;
    }
    return false;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const Entry& entry : entries_) result.push_back(entry.name);
    return result;
  }

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::string kind_;
  std::vector<Entry> entries_;
};

}  // namespace denseshift
