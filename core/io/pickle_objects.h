#pragma once
// The names that a pickle may mention, and what "calling" them means here. Separate from the machine because this is
// the part that knows PyTorch.

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/pickle.h"

namespace denseshift::io {

/// Makes the objects of one pickle. Every refusal is std::invalid_argument with the reason, or GlobalNotAllowed.
class PickleObjects {
 public:
  /// `most_copied` bounds what lists of pairs, which may be shared, add to the dictionaries made of them.
  PickleObjects(Pickle& pickle, std::size_t most_copied) : pickle_(pickle), may_copy_(most_copied) {}

  /// The value for a name. Throws GlobalNotAllowed for one that is not on the list.
  [[nodiscard]] static PickleValue global(std::string_view module, std::string_view name);
  /// The instruction REDUCE.
  [[nodiscard]] PickleValue call(const PickleValue& callee, const PickleValue& arguments);
  /// The instruction BUILD: `_metadata` of a state dictionary and the flags of a parameter are left out.
  void set_state(const PickleValue& object, const PickleValue& state) const;
  /// The instruction BINPERSID: ("storage", type, key, location, elements[, None]).
  [[nodiscard]] PickleValue storage(const PickleValue& id);

  /// Adds an object to the pickle.
  [[nodiscard]] PickleValue add_sequence(PickleKind kind, std::vector<PickleValue> items);

 private:
  [[nodiscard]] const std::vector<PickleValue>& tuple(const PickleValue& value, const char* what) const;
  [[nodiscard]] PickleValue dictionary(const std::vector<PickleValue>& arguments);
  [[nodiscard]] PickleValue tensor(const std::vector<PickleValue>& arguments);
  void check_extent(const PickleValue& value, const char* what) const;

  Pickle& pickle_;
  std::size_t may_copy_;
  std::map<std::string_view, std::size_t> storages_;  ///< key -> index
};

/// A name that is not on the list; what() names it.
class GlobalNotAllowed : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

}  // namespace denseshift::io
