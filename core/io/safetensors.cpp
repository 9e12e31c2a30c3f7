#include "core/io/safetensors.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "core/io/bytes.h"
#include "core/io/safetensors_header.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"

namespace denseshift::io {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kDataAlignment = 64;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the limit of the format's own library
constexpr std::size_t kMaxFile = std::size_t{1} << 40;

/// Writes to the file and to the digest.
class HashedFile {
 public:
  explicit HashedFile(const std::filesystem::path& path) : file_(path) {}
  void write(const void* data, std::size_t size) {
    file_.write(data, size);
    hash_.update(data, size);
  }
  std::string commit() {
    file_.commit();
    return hash_.hex();
  }

 private:
  AtomicFile file_;
  Sha256 hash_;
};

}  // namespace

std::size_t dtype_size(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes = {{"F64", 8}, {"I64", 8},  {"F32", 4}, {"I32", 4},
                                                           {"F16", 2}, {"BF16", 2}, {"I16", 2}, {"I8", 1},
                                                           {"U8", 1},  {"BOOL", 1}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

std::string write_safetensors(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
    return std::pair(dtype_size(b->dtype), a->name) < std::pair(dtype_size(a->dtype), b->name);
  });

  Header header;
  header.metadata = metadata;
  std::uint64_t position = 0;
  for (const TensorView* tensor : order) {
    const std::uint64_t size = tensor_bytes(tensor->dtype, tensor->shape);
    header.entries.push_back({tensor->name, tensor->dtype, tensor->shape, position, position + size});
    position += size;
  }
  std::string text = header_text(header);
  text.resize((kLengthBytes + text.size() + kDataAlignment - 1) / kDataAlignment * kDataAlignment - kLengthBytes, ' ');
  std::string length(kLengthBytes, '\0');
  for (std::size_t k = 0; k < kLengthBytes; ++k) length[k] = static_cast<char>((text.size() >> (8 * k)) & 0xFF);

  HashedFile file(path);
  file.write(length.data(), length.size());
  file.write(text.data(), text.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint64_t size = header.entries[i].end - header.entries[i].begin;
    if (size > 0) file.write(order[i]->data, static_cast<std::size_t>(size));
  }
  return file.commit();
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), content_(read_file(path, kMaxFile)) {
  const auto refuse = [&](const std::string& reason) {
    return input_error(path_.string() + " is not a usable safetensors file: " + reason,
                       "the file is damaged, incomplete or of another format");
  };
  if (content_.size() < kLengthBytes) throw refuse("it is only " + std::to_string(content_.size()) + " bytes long");
  const std::uint64_t length = little_endian(content_, kLengthBytes);
  if (length > kMaxHeader || length > content_.size() - kLengthBytes) {
    throw refuse("its header would be " + std::to_string(length) + " bytes long");
  }
  const std::size_t data = kLengthBytes + static_cast<std::size_t>(length);
  try {
    const std::string_view text(content_.data() + kLengthBytes, static_cast<std::size_t>(length));
    Header header = parse_header(text, content_.size() - data);
    metadata_ = std::move(header.metadata);
    for (HeaderEntry& entry : header.entries) {
      const std::string name = entry.name;
      tensors_[name] = {name, std::move(entry.dtype), std::move(entry.shape), content_.data() + data + entry.begin};
    }
  } catch (const std::invalid_argument& reason) {
    throw refuse(reason.what());
  }
}

const TensorView& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw input_error(path_.string() + " has no tensor '" + name + "'");
  return found->second;
}

}  // namespace denseshift::io
