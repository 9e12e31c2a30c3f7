#pragma once
// Files of torch.save made by hand, for tests: a zip archive that can lie and a pickle out of its instructions.

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace denseshift::io::testing {

/// `count` little-endian bytes.
inline std::string number(std::uint64_t value, std::size_t count) {
  std::string bytes;
  for (std::size_t k = 0; k < count; ++k) bytes += k < 8 ? static_cast<char>((value >> (8 * k)) & 0xFF) : '\0';
  return bytes;
}

/// One stored entry; the numbers are what the directory says and may be changed to something wrong.
struct ZipEntry {
  ZipEntry(std::string entry_name, std::string entry_data)
      : name(std::move(entry_name)), data(std::move(entry_data)), full(data.size()), stored(data.size()) {
    crc = static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  }
  std::string name;
  std::string data;
  std::uint64_t full;
  std::uint64_t stored;
  std::uint64_t offset = ~std::uint64_t{0};  ///< all ones: where it is
  std::uint32_t crc = 0;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  bool zip64 = false;            ///< sizes and offset in the extra field
  bool descriptor = false;       ///< sizes and checksum after the data, as from a stream
  std::string extra_field = {};  ///< instead of the right one
};

struct ZipOptions {
  bool zip64 = false;
  std::uint64_t directory_shift = 0;  ///< added to the offset of the directory
  std::uint64_t count_shift = 0;      ///< added to the number of entries
  std::uint64_t locator_shift = 0;    ///< added to the offset of the zip64 end record
  std::string comment = {};
};

inline std::string zip(const std::vector<ZipEntry>& entries, const ZipOptions& options = {}) {
  std::string content, directory;
  for (const ZipEntry& entry : entries) {
    const std::uint64_t offset = entry.offset == ~std::uint64_t{0} ? content.size() : entry.offset;
    const auto flags = static_cast<std::uint16_t>(entry.flags | (entry.descriptor ? 8 : 0));
    const std::uint64_t local_size = entry.descriptor ? 0 : entry.data.size();
    const std::uint32_t local_crc = entry.descriptor ? 0 : entry.crc;
    const std::string common = number(flags, 2) + number(entry.method, 2) + number(0, 4);
    content += "PK\3\4" + number(20, 2) + common + number(local_crc, 4) + number(local_size, 4) +
               number(local_size, 4) + number(entry.name.size(), 2) + number(0, 2) + entry.name + entry.data;
    if (entry.descriptor) {
      content += "PK\7\10" + number(entry.crc, 4) + number(entry.data.size(), 4) + number(entry.data.size(), 4);
    }
    std::string extra;
    if (entry.zip64) {
      extra = number(1, 2) + number(24, 2) + number(entry.full, 8) + number(entry.stored, 8) + number(offset, 8);
    }
    if (!entry.extra_field.empty()) extra = entry.extra_field;
    const auto small = [&](std::uint64_t value) { return number(entry.zip64 ? 0xFFFFFFFF : value, 4); };
    // The ten zero bytes are the length of a comment, the number of the disk and the attributes.
    directory += "PK\1\2" + number(20, 2) + number(20, 2) + common + number(entry.crc, 4) + small(entry.stored) +
                 small(entry.full) + number(entry.name.size(), 2) + number(extra.size(), 2) + number(0, 10) +
                 small(offset) + entry.name + extra;
  }
  const std::uint64_t begin = content.size() + options.directory_shift;
  const std::uint64_t count = entries.size() + options.count_shift;
  content += directory;
  if (options.zip64) {
    const std::uint64_t record = content.size() + options.locator_shift;
    content += "PK\6\6" + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) + number(count, 8) +
               number(count, 8) + number(directory.size(), 8) + number(begin, 8);
    content += "PK\6\7" + number(0, 4) + number(record, 8) + number(1, 4);
  }
  const std::uint64_t mask = options.zip64 ? ~std::uint64_t{0} : 0;
  content += "PK\5\6" + number(0, 4) + number(count | mask, 2) + number(count | mask, 2) +
             number(directory.size() | mask, 4) + number(begin | mask, 4) + number(options.comment.size(), 2) +
             options.comment;
  return content;
}

/// An archive as torch.save makes it: the pickle and the storages "0", "1", ...
inline std::string torch_zip(const std::string& pickle, const std::vector<std::string>& storages = {}) {
  std::vector<ZipEntry> entries = {{"archive/data.pkl", pickle}};
  for (std::size_t k = 0; k < storages.size(); ++k) {
    entries.emplace_back("archive/data/" + std::to_string(k), storages[k]);
  }
  return zip(entries);
}

// Instructions of a pickle.
inline std::string text(const std::string& value) { return "X" + number(value.size(), 4) + value; }
inline std::string integer(std::int64_t value) { return "\x8a\x08" + number(static_cast<std::uint64_t>(value), 8); }
inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string result = "(";
  for (const std::int64_t value : values) result += integer(value);
  return result + "t";
}
inline std::string storage(const std::string& key, std::int64_t elements, const std::string& type = "FloatStorage") {
  return "(" + text("storage") + "ctorch\n" + type + "\n" + text(key) + text("cpu") + integer(elements) + "tQ";
}
inline std::string tensor(const std::string& storage_code, std::int64_t offset, const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage_code + integer(offset) + tuple(shape) + tuple(strides) +
         "\x89}tR";
}
/// The pickle of a dictionary, given its keys and values.
inline std::string dictionary(const std::string& items) { return "\x80\x02}(" + items + "u."; }

}  // namespace denseshift::io::testing
