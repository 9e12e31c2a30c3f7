#include "core/io/torch_container.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "core/io/bytes.h"
#include "core/io/quoted.h"
#include "core/io/safetensors.h"
#include "core/io/zip_archive.h"
#include "core/util/error.h"

namespace denseshift::io {
namespace {

constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // little-endian, of the legacy format
constexpr std::int64_t kLegacyVersion = 1001;
constexpr const char* kBadContainer = "the file is damaged or incomplete";
constexpr const char* kSaveWeights = "save model.state_dict() instead, with torch.save";

Error big_endian(const std::string& where) {
  return input_error(where + " was saved on a big-endian machine", "save it again on a little-endian one");
}

/// Bytes of a storage, or nothing when their number overflows.
std::optional<std::uint64_t> storage_bytes(const PickleStorage& storage) {
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(storage.elements, std::uint64_t{dtype_size(storage.dtype)}, &bytes)) return std::nullopt;
  return bytes;
}

/// The folder of the archive, which torch.save names after the file.
std::string archive_folder(const ZipArchive& archive, const std::string& where) {
  constexpr std::string_view kObject = "/data.pkl";
  std::string folder;
  for (const auto& [name, entry] : archive.entries()) {
    if (!name.ends_with(kObject) || name.find('/') != name.size() - kObject.size()) continue;
    if (!folder.empty()) throw input_error(where + " holds two saved objects", kSaveWeights);
    folder = name.substr(0, name.size() - kObject.size());
  }
  if (folder.empty()) throw input_error(where + " is a zip archive, but not one of torch.save", kSaveWeights);
  if (archive.contains(folder + "/constants.pkl")) {
    throw input_error(where + " is a TorchScript program, not a file of weights", kSaveWeights);
  }
  return folder;
}

TorchContent open_zip(std::string_view content, const std::string& where) {
  const ZipArchive archive(content, where);
  const std::string folder = archive_folder(archive, where);
  if (archive.contains(folder + "/byteorder")) {
    const std::string_view order = archive.read(folder + "/byteorder");
    if (order == "big") throw big_endian(where);
    if (order != "little") throw input_error(where + " has the unknown byte order " + in_quotes(order), kBadContainer);
  }
  TorchContent result;
  const std::string object = folder + "/data.pkl";
  const std::string place = where + ": " + object.substr(object.size() > 200 ? object.size() - 200 : 0);
  const std::string_view bytes = archive.read(object);
  result.pickle = read_pickle(bytes, place);
  if (result.pickle.size != bytes.size()) throw input_error(place + " has bytes after its end", kBadContainer);
  for (const PickleStorage& storage : result.pickle.storages) {
    const std::string_view data = archive.read(folder + "/data/" + std::string(storage.key));
    if (storage_bytes(storage) != data.size()) {
      throw input_error(where + ": the storage " + in_quotes(storage.key) + " has another size than its tensors say",
                        kBadContainer);
    }
    result.storages.push_back(data);
  }
  return result;
}

/// Reads the chain of the legacy format.
class LegacyReader {
 public:
  LegacyReader(std::string_view content, const std::string& where) : content_(content), where_(where) {}

  TorchContent read() {
    const Pickle magic = next("the magic number");
    if (magic.root.kind != PickleKind::big_integer || magic.text(magic.root) != kMagic) throw damaged("magic number");
    const Pickle version = next("the version");
    if (version.root.kind != PickleKind::integer || version.root.integer() != kLegacyVersion) throw damaged("version");
    check_system(next("the system information"));
    TorchContent result;
    result.format = TorchFormat::legacy;
    result.pickle = next("the saved object");
    read_storages(next("the list of storages"), result);
    return result;
  }

 private:
  [[nodiscard]] Error damaged(const std::string& what) const {
    return input_error(where_ + ": the " + what + " is not what PyTorch before 1.6 writes", kBadContainer);
  }
  Pickle next(const std::string& what) {
    Pickle pickle = read_pickle(content_, where_ + ": " + what);
    content_.remove_prefix(pickle.size);
    return pickle;
  }
  void check_system(const Pickle& system) const {
    if (system.root.kind != PickleKind::dictionary) throw damaged("system information");
    const PickleValue* little = system.find(system.root, "little_endian");
    if (little == nullptr || little->kind != PickleKind::boolean) throw damaged("system information");
    if (!little->is_true()) throw big_endian(where_);
  }
  /// For each key its number of elements and their bytes.
  void read_storages(const Pickle& keys, TorchContent& result) {
    std::map<std::string_view, std::size_t> places;
    for (std::size_t k = 0; k < result.pickle.storages.size(); ++k) places[result.pickle.storages[k].key] = k;
    if (keys.root.kind != PickleKind::list || keys.sequence(keys.root).size() != places.size()) {
      throw damaged("list of storages");
    }
    result.storages.resize(places.size());
    for (const PickleValue& key : keys.sequence(keys.root)) {
      const auto found = key.kind == PickleKind::text ? places.find(keys.text(key)) : places.end();
      if (found == places.end()) throw damaged("list of storages");
      const PickleStorage& storage = result.pickle.storages[found->second];
      const auto size = storage_bytes(storage);
      const auto count = slice(content_, 0, 8);
      const auto data = size && count ? slice(content_, 8, *size) : std::nullopt;
      if (!data || little_endian(*count, 8) != storage.elements) {
        throw input_error(where_ + ": the storage " + in_quotes(storage.key) + " has another size than its tensors say",
                          kBadContainer);
      }
      result.storages[found->second] = *data;
      content_.remove_prefix(8 + data->size());
      places.erase(found);
    }
  }

  std::string_view content_;
  const std::string& where_;
};

}  // namespace

TorchContent open_torch_content(std::string_view content, const std::string& where) {
  if (ZipArchive::looks_like_one(content)) return open_zip(content, where);
  constexpr std::size_t kMagicWithin = 32;  // after the instructions that push it
  if (content.substr(0, kMagicWithin).find(kMagic) != std::string_view::npos)
    return LegacyReader(content, where).read();
  if (slice(content, 257, 5) == "ustar") {
    throw input_error(where + " is a tar archive of PyTorch before 0.1.10, which is not read",
                      "load it with an old PyTorch and save model.state_dict() again");
  }
  throw input_error(where + " is not a file of torch.save", kSaveWeights);
}

}  // namespace denseshift::io
