#include "core/io/torch_tensors.h"

#include <cstring>
#include <stdexcept>
#include <utility>

#include "core/io/quoted.h"
#include "core/io/safetensors_header.h"
#include "core/util/error.h"

namespace denseshift::io {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxName = 4096;
constexpr std::size_t kEntryBytes = 200;  // about what an entry of a map takes besides its texts
constexpr const char* kNotPyTorch = "the file is damaged or was not written by PyTorch";

/// A tensor whose place in its storage is checked.
struct Layout {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  std::size_t element = 0;
  std::uint64_t bytes = 0;
  bool contiguous = true;
};

/// Whether the elements lie one after the other; dimensions of one element may have any stride.
bool is_contiguous(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  std::int64_t expected = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    if (shape[k] == 1) continue;
    if (strides[k] != expected) return false;
    expected *= shape[k];
  }
  return true;
}

/// The layout of a tensor in a storage of `elements` elements. Throws std::invalid_argument.
Layout checked_layout(const Pickle& pickle, const PickleTensor& tensor) {
  const PickleStorage& storage = pickle.storages[tensor.storage];
  Layout layout;
  for (const PickleValue& value : pickle.sequences[tensor.shape]) layout.shape.push_back(value.integer());
  for (const PickleValue& value : pickle.sequences[tensor.strides]) layout.strides.push_back(value.integer());
  layout.element = dtype_size(storage.dtype);
  layout.bytes = tensor_bytes(storage.dtype, layout.shape);
  if (layout.bytes == 0) return layout;
  std::int64_t last = tensor.offset;
  for (std::size_t k = 0; k < layout.shape.size(); ++k) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(layout.shape[k] - 1, layout.strides[k], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      throw std::invalid_argument("its strides are too large");
    }
  }
  if (static_cast<std::uint64_t>(last) >= storage.elements) {
    throw std::invalid_argument("it reaches outside its storage");
  }
  for (std::size_t k = 0; k < layout.shape.size(); ++k) {
    if (layout.shape[k] == 1) layout.strides[k] = 0;  // it does not matter, and may be anything
  }
  layout.contiguous = is_contiguous(layout.shape, layout.strides);
  return layout;
}

/// Copies elements in row-major order. REQUIRES: a checked layout with at least one element, hence no overflow.
void gather(const Layout& layout, const char* source, std::byte* target) {
  const std::size_t rank = layout.shape.size();
  std::vector<std::int64_t> position(rank, 0);
  std::int64_t index = 0;
  for (std::uint64_t done = 0; done < layout.bytes; done += layout.element) {
    std::memcpy(target + done, source + static_cast<std::size_t>(index) * layout.element, layout.element);
    for (std::size_t k = rank; k-- > 0;) {
      index += layout.strides[k];
      if (++position[k] < layout.shape[k]) break;
      index -= layout.strides[k] * layout.shape[k];
      position[k] = 0;
    }
  }
}

class Flattener {
 public:
  Flattener(const TorchContent& content, std::uint64_t most_bytes, const std::string& where)
      : content_(content), pickle_(content.pickle), left_(most_bytes), where_(where) {}

  TorchTensors run() {
    if (pickle_.root.kind != PickleKind::dictionary) {
      throw input_error(where_ + " holds " + kind_name(pickle_.root.kind) + ", not a dictionary of tensors",
                        "save model.state_dict() instead, with torch.save");
    }
    flatten(pickle_.root, "", 0);
    return std::move(result_);
  }

 private:
  void spend(std::uint64_t bytes) {
    if (bytes > left_) {
      throw input_error(where_ + " would take several times its size in memory",
                        "its tensors or dictionaries repeat each other: save copies (tensor.clone()) of them");
    }
    left_ -= bytes;
  }

  [[nodiscard]] std::string key_text(const PickleValue& key) const {
    if (key.kind == PickleKind::text) return std::string(pickle_.text(key).substr(0, kMaxName + 1));
    if (key.kind == PickleKind::integer) return std::to_string(key.integer());
    return {};
  }

  void flatten(const PickleValue& dictionary, const std::string& prefix, std::size_t depth) {
    if (depth == kMaxDepth) {
      throw input_error(where_ + ": its dictionaries are nested too deeply, or one holds itself", kNotPyTorch);
    }
    const std::vector<PickleValue>& items = pickle_.sequence(dictionary);
    for (std::size_t k = 0; k + 1 < items.size(); k += 2) {
      const PickleValue& value = items[k + 1];
      const std::string name = prefix + key_text(items[k]);
      spend(kEntryBytes + 2 * name.size());
      if (name.size() > kMaxName) throw input_error(where_ + ": a name is longer than 4096 bytes", kNotPyTorch);
      if (items[k].kind != PickleKind::text && items[k].kind != PickleKind::integer) {
        result_.skipped.push_back(prefix + "? (its key is " + kind_name(items[k].kind) + ")");
      } else if (value.kind == PickleKind::tensor) {
        add(name, pickle_.tensors[value.index()]);
      } else if (value.kind == PickleKind::dictionary) {
        if (depth == 0) result_.dictionaries.push_back(name);
        flatten(value, name + ".", depth + 1);
      } else {
        result_.skipped.push_back(name + " (" + kind_name(value.kind) + ")");
      }
    }
  }

  void add(const std::string& name, const PickleTensor& tensor) {
    const auto [place, is_new] = result_.tensors.try_emplace(name);
    if (!is_new) throw input_error(where_ + " has two tensors called " + in_quotes(name), kNotPyTorch);
    try {
      Layout layout = checked_layout(pickle_, tensor);
      spend(8 * layout.shape.size());
      const char* data = content_.storages[tensor.storage].data();
      if (layout.bytes > 0) data += static_cast<std::size_t>(tensor.offset) * layout.element;
      TensorView& view = place->second;
      view = {name, pickle_.storages[tensor.storage].dtype, {}, data};
      if (!layout.contiguous) {
        spend(layout.bytes);
        auto copy = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(layout.bytes));
        gather(layout, data, copy.get());
        view.data = copy.get();
        result_.copies.push_back(std::move(copy));
      }
      view.shape = std::move(layout.shape);
    } catch (const std::invalid_argument& reason) {
      throw input_error(where_ + ": the tensor " + in_quotes(name) + " is damaged: " + reason.what(), kNotPyTorch);
    }
  }

  const TorchContent& content_;
  const Pickle& pickle_;
  std::uint64_t left_;
  const std::string& where_;
  TorchTensors result_;
};

}  // namespace

TorchTensors flatten_torch(const TorchContent& content, std::uint64_t most_bytes, const std::string& where) {
  return Flattener(content, most_bytes, where).run();
}

}  // namespace denseshift::io
