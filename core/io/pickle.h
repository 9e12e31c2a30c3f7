#pragma once
// Python's pickle format as far as torch.save writes it. A pickle is a program for a small stack machine; this one has
// no instruction that looks up or calls code. What Python would import and call is a fixed list of names
// (pickle_objects.h) whose effect is known: they make dictionaries, tensors and storages.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace denseshift::io {

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  big_integer,  ///< does not fit 64 bits; its little-endian bytes are kept as text
  real,
  text,
  bytes,
  tuple,
  list,
  dictionary,
  global,  ///< an entry of the list of allowed names
  storage,
  tensor,
};

/// A value of 16 bytes. What is larger lies in the Pickle and is referred to by its index, as in Python, where
/// containers may be shared and may hold themselves. Destruction therefore never recurses.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  std::uint64_t payload = 0;  ///< the number, or an index into the vector for the kind

  [[nodiscard]] std::int64_t integer() const noexcept { return static_cast<std::int64_t>(payload); }
  [[nodiscard]] double real() const noexcept { return std::bit_cast<double>(payload); }
  [[nodiscard]] bool is_true() const noexcept { return kind == PickleKind::boolean && payload != 0; }
  [[nodiscard]] std::size_t index() const noexcept { return static_cast<std::size_t>(payload); }
};

/// What a persistent id refers to: elements of one type, whose bytes are elsewhere in the file.
struct PickleStorage {
  const char* dtype = "";  ///< the safetensors name
  std::string_view key;
  std::uint64_t elements = 0;
};

/// A view of a storage as the file claims it. Shape and strides are tuples of at most 32 integers, not negative;
/// whether they fit the storage is not checked.
struct PickleTensor {
  std::size_t storage = 0;
  std::int64_t offset = 0;
  std::size_t shape = 0;    ///< index into sequences
  std::size_t strides = 0;  ///< index into sequences, of the same length
};

/// The result of a pickle. Texts point into the bytes it was read from.
struct Pickle {
  PickleValue root;
  std::size_t size = 0;  ///< bytes of the pickle; more may follow
  std::vector<std::string_view> texts;
  std::vector<std::vector<PickleValue>> sequences;  ///< tuples and lists; dictionaries as key, value, key, value, ...
  std::vector<PickleStorage> storages;              ///< each key once
  std::vector<PickleTensor> tensors;

  [[nodiscard]] std::string_view text(const PickleValue& value) const { return texts[value.index()]; }
  [[nodiscard]] const std::vector<PickleValue>& sequence(const PickleValue& value) const {
    return sequences[value.index()];
  }
  /// The value under a text key of a dictionary, or nullptr.
  [[nodiscard]] const PickleValue* find(const PickleValue& dictionary, std::string_view key) const;
};

/// Reads the pickle at the start of `bytes` (protocols 2 to 4). Nothing is executed. Instructions and names that are
/// not allowed, more than a million values and damaged programs are input errors that begin with `where`. Work and
/// memory are proportional to the pickle: at most about a hundred bytes for a byte of a hostile one.
[[nodiscard]] Pickle read_pickle(std::string_view bytes, const std::string& where);

/// "a list", "a dictionary", ...: for messages.
[[nodiscard]] const char* kind_name(PickleKind kind) noexcept;

}  // namespace denseshift::io
