#include "core/io/safetensors_header.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/io/quoted.h"
#include "core/io/safetensors.h"

namespace denseshift::io {
namespace {

constexpr std::size_t kMaxRank = 32;
constexpr const char* kMetadata = "__metadata__";

/// Follows the grammar { name: {dtype, shape, data_offsets}, "__metadata__": {key: text} } event by event. Anything
/// else is refused at once, so hostile nesting and repeated keys never build a document.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  Header header;

  bool start_object(std::size_t) override {
    if (place_ == Place::start) return go(Place::names);
    if (place_ == Place::entry_value) return go(Place::fields);
    if (place_ == Place::metadata_value) return go(Place::metadata_keys);
    return unexpected("an object");
  }
  bool end_object() override {
    if (place_ == Place::fields) return finish_entry();
    return go(place_ == Place::metadata_keys ? Place::names : Place::end);
  }
  bool key(string_t& name) override {
    switch (place_) {
      case Place::names:
        if (!names_.insert(name).second) fail("the name " + in_quotes(name) + " appears twice");
        if (name == kMetadata) return go(Place::metadata_value);
        entry_ = HeaderEntry{};
        entry_.name = name;
        offsets_.clear();
        fields_.clear();
        return go(Place::entry_value);
      case Place::metadata_keys:
        metadata_key_ = name;
        if (header.metadata.contains(name)) fail("the metadata key " + in_quotes(name) + " appears twice");
        return go(Place::metadata_text);
      case Place::fields:
        if (!fields_.insert(name).second) fail(in_quotes(entry_.name) + " has two fields " + in_quotes(name));
        if (name == "dtype") return go(Place::dtype);
        if (name == "shape") return go(Place::shape);
        if (name == "data_offsets") return go(Place::offsets);
        return fail(in_quotes(entry_.name) + " has an unknown field " + in_quotes(name));
      default:
        return unexpected("a key");
    }
  }
  bool string(string_t& text) override {
    if (place_ == Place::metadata_text) {
      header.metadata[metadata_key_] = text;
      return go(Place::metadata_keys);
    }
    if (place_ != Place::dtype) return unexpected("text");
    entry_.dtype = text;
    return go(Place::fields);
  }
  bool start_array(std::size_t) override {
    if (place_ == Place::shape) return go(Place::shape_items);
    if (place_ == Place::offsets) return go(Place::offset_items);
    return unexpected("a list");
  }
  bool end_array() override { return go(Place::fields); }
  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape_items) {
      if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
        return unexpected("a huge number");
      if (entry_.shape.size() == kMaxRank) fail(in_quotes(entry_.name) + " has too many dimensions");
      entry_.shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (place_ != Place::offset_items || offsets_.size() == 2) return unexpected("a number");
    offsets_.push_back(value);
    return true;
  }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return unexpected("a fraction or huge number"); }
  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a truth value"); }
  bool binary(binary_t&) override { return unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("the header is not JSON (at byte " + std::to_string(position) + ")");
  }

 private:
  enum class Place {
    start,
    names,
    entry_value,
    fields,
    dtype,
    shape,
    shape_items,
    offsets,
    offset_items,
    metadata_value,
    metadata_keys,
    metadata_text,
    end
  };

  bool go(Place place) {
    place_ = place;
    return true;
  }
  [[noreturn]] static bool fail(const std::string& message) { throw std::invalid_argument(message); }
  [[noreturn]] bool unexpected(const std::string& what) const {
    fail("the header has " + what + " where it does not belong" +
         (entry_.name.empty() ? std::string() : " (near " + in_quotes(entry_.name) + ")"));
  }
  bool finish_entry() {
    if (fields_.size() != 3 || offsets_.size() != 2)
      fail(in_quotes(entry_.name) + " lacks dtype, shape or data_offsets");
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    header.entries.push_back(std::move(entry_));
    entry_ = HeaderEntry{};
    return go(Place::names);
  }

  Place place_ = Place::start;
  HeaderEntry entry_;
  std::vector<std::uint64_t> offsets_;
  std::set<std::string> fields_;
  std::set<std::string> names_;
  std::string metadata_key_;
};

/// Offsets must cover the data section from its first to its last byte, each byte once.
void check_layout(Header& header, std::uint64_t data_size) {
  std::sort(header.entries.begin(), header.entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t position = 0;
  for (const HeaderEntry& entry : header.entries) {
    if (entry.end < entry.begin || entry.end > data_size) {
      throw std::invalid_argument("the data of " + in_quotes(entry.name) + " lies outside the file");
    }
    if (entry.begin != position) {
      throw std::invalid_argument("the data of " + in_quotes(entry.name) +
                                  (entry.begin < position ? " overlaps another tensor's" : " follows a gap"));
    }
    if (entry.end - entry.begin != tensor_bytes(entry.dtype, entry.shape)) {
      throw std::invalid_argument(in_quotes(entry.name) + " has data of another size than its shape and dtype");
    }
    position = entry.end;
  }
  if (position != data_size) {
    throw std::invalid_argument("the file has " + std::to_string(data_size - position) +
                                " bytes after its last tensor");
  }
}

}  // namespace

std::uint64_t tensor_bytes(const std::string& dtype, const std::vector<std::int64_t>& shape) {
  std::int64_t bytes = static_cast<std::int64_t>(dtype_size(dtype));
  if (bytes == 0) throw std::invalid_argument("unknown dtype " + in_quotes(dtype));
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) throw std::invalid_argument("a shape has a negative dimension");
    if (__builtin_mul_overflow(bytes, dimension, &bytes)) throw std::invalid_argument("a shape is too large");
  }
  return static_cast<std::uint64_t>(bytes);
}

Header parse_header(std::string_view text, std::uint64_t data_size) {
  HeaderReader reader;
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  check_layout(reader.header, data_size);
  return std::move(reader.header);
}

std::string header_text(const Header& header) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) json[kMetadata] = header.metadata;
  for (const HeaderEntry& entry : header.entries) {
    if (entry.name == kMetadata) throw std::invalid_argument("a tensor may not be called __metadata__");
    if (json.contains(entry.name)) throw std::invalid_argument("two tensors are called " + in_quotes(entry.name));
    json[entry.name] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
  }
  // Text from outside (paths, notes) may hold bytes that are not UTF-8; they must not cost a checkpoint.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace denseshift::io
