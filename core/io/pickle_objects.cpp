#include "core/io/pickle_objects.h"

#include <array>
#include <stdexcept>
#include <utility>

#include "core/io/quoted.h"

namespace denseshift::io {
namespace {

constexpr std::size_t kMaxTensorRank = 32;

enum class Role { dictionary, tensor, parameter, size, storage };

struct Global {
  std::string_view module;
  std::string_view name;
  Role role;
  const char* dtype = "";
};

/// The allow-list; all of it is data. _rebuild_tensor and Parameter are in files from before PyTorch 0.4, torchvision's
/// among them.
constexpr std::array kGlobals = {
    Global{"collections", "OrderedDict", Role::dictionary},
    Global{"collections", "Counter", Role::dictionary},
    Global{"torch._utils", "_rebuild_tensor_v2", Role::tensor},
    Global{"torch._utils", "_rebuild_tensor", Role::tensor},
    Global{"torch._utils", "_rebuild_parameter", Role::parameter},
    Global{"torch.nn.parameter", "Parameter", Role::parameter},
    Global{"torch", "Size", Role::size},
    Global{"torch", "DoubleStorage", Role::storage, "F64"},
    Global{"torch", "FloatStorage", Role::storage, "F32"},
    Global{"torch", "HalfStorage", Role::storage, "F16"},
    Global{"torch", "BFloat16Storage", Role::storage, "BF16"},
    Global{"torch", "LongStorage", Role::storage, "I64"},
    Global{"torch", "IntStorage", Role::storage, "I32"},
    Global{"torch", "ShortStorage", Role::storage, "I16"},
    Global{"torch", "CharStorage", Role::storage, "I8"},
    Global{"torch", "ByteStorage", Role::storage, "U8"},
    Global{"torch", "BoolStorage", Role::storage, "BOOL"},
};

[[noreturn]] void refuse(const std::string& reason) { throw std::invalid_argument(reason); }

}  // namespace

PickleValue PickleObjects::global(std::string_view module, std::string_view name) {
  for (std::size_t k = 0; k < kGlobals.size(); ++k) {
    if (kGlobals[k].module == module && kGlobals[k].name == name) return {PickleKind::global, k};
  }
  throw GlobalNotAllowed("global " + in_quotes(std::string(module) + "." + std::string(name)) + " is not allowed");
}

PickleValue PickleObjects::add_sequence(PickleKind kind, std::vector<PickleValue> items) {
  pickle_.sequences.push_back(std::move(items));
  return {kind, pickle_.sequences.size() - 1};
}

const std::vector<PickleValue>& PickleObjects::tuple(const PickleValue& value, const char* what) const {
  if (value.kind != PickleKind::tuple) refuse(std::string(what) + " is " + kind_name(value.kind) + ", not a tuple");
  return pickle_.sequence(value);
}

PickleValue PickleObjects::call(const PickleValue& callee, const PickleValue& arguments) {
  const auto& items = tuple(arguments, "the list of arguments of a call");
  if (callee.kind != PickleKind::global) refuse(std::string(kind_name(callee.kind)) + " is called");
  switch (kGlobals[callee.index()].role) {
    case Role::dictionary:
      return dictionary(items);
    case Role::tensor:
      return tensor(items);
    case Role::parameter:
      if (items.empty() || items[0].kind != PickleKind::tensor) refuse("a parameter is made of something else");
      return items[0];
    case Role::size:
      if (items.size() != 1) refuse("a torch.Size is made of something else");
      (void)tuple(items[0], "a torch.Size");
      return items[0];
    case Role::storage:
      break;
  }
  refuse("a storage is called");
}

/// OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 writes it.
PickleValue PickleObjects::dictionary(const std::vector<PickleValue>& arguments) {
  std::vector<PickleValue> items;
  if (arguments.size() > 1) refuse("an OrderedDict is made of something else");
  // A Counter is made of a dictionary; schedulers keep their milestones in one.
  if (arguments.size() == 1 && arguments[0].kind == PickleKind::dictionary) return arguments[0];
  if (arguments.size() == 1) {
    if (arguments[0].kind != PickleKind::list) refuse("an OrderedDict is made of something else");
    for (const PickleValue& pair : pickle_.sequence(arguments[0])) {
      if ((pair.kind != PickleKind::list && pair.kind != PickleKind::tuple) || pickle_.sequence(pair).size() != 2) {
        refuse("an OrderedDict is made of something else");
      }
      if (may_copy_ < 2) refuse("its dictionaries are larger than the file");
      may_copy_ -= 2;
      items.insert(items.end(), pickle_.sequence(pair).begin(), pickle_.sequence(pair).end());
    }
  }
  return add_sequence(PickleKind::dictionary, std::move(items));
}

void PickleObjects::check_extent(const PickleValue& value, const char* what) const {
  const auto& items = tuple(value, what);
  if (items.size() > kMaxTensorRank) refuse(std::string(what) + " has " + std::to_string(items.size()) + " dimensions");
  for (const PickleValue& item : items) {
    if (item.kind != PickleKind::integer || item.integer() < 0) {
      refuse(std::string(what) + " holds something other than a number that is 0 or more");
    }
  }
}

/// (storage, offset, shape, strides) and, in version 2, (requires_grad, hooks[, metadata]).
PickleValue PickleObjects::tensor(const std::vector<PickleValue>& arguments) {
  if (arguments.size() != 4 && arguments.size() != 6 && arguments.size() != 7) {
    refuse("a tensor is made of " + std::to_string(arguments.size()) + " values");
  }
  if (arguments[0].kind != PickleKind::storage) {
    refuse(std::string("the storage of a tensor is ") + kind_name(arguments[0].kind));
  }
  if (arguments[1].kind != PickleKind::integer || arguments[1].integer() < 0) {
    refuse("the offset of a tensor is not a number that is 0 or more");
  }
  check_extent(arguments[2], "the shape of a tensor");
  check_extent(arguments[3], "the strides of a tensor");
  if (pickle_.sequence(arguments[2]).size() != pickle_.sequence(arguments[3]).size()) {
    refuse("a tensor has more or fewer strides than dimensions");
  }
  if (arguments.size() == 7 && arguments[6].kind != PickleKind::none &&
      !(arguments[6].kind == PickleKind::dictionary && pickle_.sequence(arguments[6]).empty())) {
    refuse("a tensor has metadata (a conjugate or negative view)");
  }
  pickle_.tensors.push_back({arguments[0].index(), arguments[1].integer(), arguments[2].index(), arguments[3].index()});
  return {PickleKind::tensor, pickle_.tensors.size() - 1};
}

void PickleObjects::set_state(const PickleValue& object, const PickleValue& state) const {
  if (object.kind == PickleKind::dictionary && state.kind == PickleKind::dictionary) return;
  // A parameter of PyTorch before 0.4: (requires_grad, volatile, hooks). Longer tuples would replace the data.
  if (object.kind == PickleKind::tensor && state.kind == PickleKind::tuple && pickle_.sequence(state).size() <= 3) {
    return;
  }
  refuse(std::string(kind_name(object.kind)) + " is given " + kind_name(state.kind) + " as its state");
}

PickleValue PickleObjects::storage(const PickleValue& id) {
  const auto& items = tuple(id, "a persistent id");
  if (items.size() < 5 || items.size() > 6 || items[0].kind != PickleKind::text ||
      pickle_.text(items[0]) != "storage") {
    refuse("a persistent id is not that of a storage");
  }
  if (items[1].kind != PickleKind::global || kGlobals[items[1].index()].role != Role::storage) {
    refuse("a storage has no type");
  }
  if (items[2].kind != PickleKind::text || items[4].kind != PickleKind::integer || items[4].integer() < 0) {
    refuse("a storage has no key or no size");
  }
  if (items.size() == 6 && items[5].kind != PickleKind::none) refuse("a storage is a view of another one");
  const PickleStorage made{kGlobals[items[1].index()].dtype, pickle_.text(items[2]),
                           static_cast<std::uint64_t>(items[4].integer())};
  const auto [place, is_new] = storages_.try_emplace(made.key, pickle_.storages.size());
  if (is_new) {
    pickle_.storages.push_back(made);
  } else if (const PickleStorage& old = pickle_.storages[place->second];
             std::string_view(old.dtype) != made.dtype || old.elements != made.elements) {
    refuse("the storage " + in_quotes(made.key) + " has two types or sizes");
  }
  return {PickleKind::storage, place->second};
}

}  // namespace denseshift::io
