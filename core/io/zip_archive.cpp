#include "core/io/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/io/bytes.h"
#include "core/io/quoted.h"
#include "core/util/error.h"

namespace denseshift::io {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kDirectorySignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kDirectorySize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kLocator64Size = 20;
constexpr std::size_t kLongestComment = 0xFFFF;
constexpr std::uint16_t kZip64Field = 1;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  // the number is in the zip64 field
constexpr std::uint16_t kEncrypted = 1U | 1U << 6 | 1U << 13;
constexpr std::uint16_t kSizesFollow = 1U << 3;
constexpr const char* kDamaged = "the file is damaged or incomplete";

std::uint16_t u16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(little_endian(bytes.substr(at), 2));
}
std::uint32_t u32(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint32_t>(little_endian(bytes.substr(at), 4));
}
std::uint64_t u64(std::string_view bytes, std::size_t at) { return little_endian(bytes.substr(at), 8); }

/// The numbers of an entry that zip64 may move to an extra field, in the order in which they lie there.
struct Sizes {
  std::uint64_t full = 0;
  std::uint64_t stored = 0;
  std::uint64_t offset = 0;
};

/// Follows the records of one archive.
class Reader {
 public:
  Reader(std::string_view content, const std::string& where) : content_(content), where_(where) {}

  std::map<std::string, ZipArchive::Entry, std::less<>> read() {
    const Directory directory = find_directory();
    const std::string_view records = content_.substr(static_cast<std::size_t>(directory.begin),
                                                     static_cast<std::size_t>(directory.end - directory.begin));
    std::size_t position = 0;
    for (std::uint64_t k = 0; k < directory.count; ++k) read_record(records, position, directory.begin);
    if (position != records.size()) throw refuse("its directory has bytes after the last entry");
    check_overlap();
    return std::move(entries_);
  }

 private:
  struct Directory {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t count = 0;
  };

  [[nodiscard]] Error refuse(const std::string& reason, const char* hint = kDamaged) const {
    return input_error(where_ + " is not a usable zip archive: " + reason, hint);
  }

  /// Searches the end record backwards: a comment of any length may follow it.
  [[nodiscard]] std::size_t find_end() const {
    if (content_.size() >= kEndSize) {
      const std::size_t last = content_.size() - kEndSize;
      const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
      for (std::size_t at = last + 1; at-- > first;) {
        if (u32(content_, at) == kEndSignature && at + kEndSize + u16(content_, at + 20) == content_.size()) return at;
      }
    }
    throw refuse("it has no end record");
  }

  [[nodiscard]] Directory find_directory() const {
    const std::size_t end = find_end();
    if (u16(content_, end + 4) != 0 || u16(content_, end + 6) != 0) throw refuse("it is one part of several");
    Directory directory{u32(content_, end + 16), end, u16(content_, end + 10)};
    std::uint64_t size = u32(content_, end + 12);
    if (end >= kLocator64Size && u32(content_, end - kLocator64Size) == kLocator64Signature) {
      const std::uint64_t at = u64(content_, end - kLocator64Size + 8);
      const auto record = slice(content_.substr(0, end - kLocator64Size), at, kEnd64Size);
      if (!record || u32(*record, 0) != kEnd64Signature) throw refuse("its zip64 end record is not where it says");
      if (u32(*record, 16) != 0 || u32(*record, 20) != 0) throw refuse("it is one part of several");
      directory = {u64(*record, 48), at, u64(*record, 32)};
      size = u64(*record, 40);
    }
    if (!slice(content_.substr(0, static_cast<std::size_t>(directory.end)), directory.begin, size) ||
        directory.begin + size != directory.end) {
      throw refuse("its directory is not where it says");
    }
    if (directory.count > size / kDirectorySize) throw refuse("its directory is shorter than its number of entries");
    return directory;
  }

  /// Replaces the sizes that are in the zip64 field of `extra`.
  void read_zip64(std::string_view extra, Sizes& sizes, const std::string& name) const {
    std::vector<std::uint64_t*> wanted;
    for (std::uint64_t* number : {&sizes.full, &sizes.stored, &sizes.offset}) {
      if (*number == kIn64) wanted.push_back(number);
    }
    while (!wanted.empty() && extra.size() >= 4) {
      const auto field = slice(extra, 4, u16(extra, 2));
      if (!field) break;
      if (u16(extra, 0) == kZip64Field && field->size() >= 8 * wanted.size()) {
        for (std::size_t k = 0; k < wanted.size(); ++k) *wanted[k] = u64(*field, 8 * k);
        return;
      }
      extra.remove_prefix(4 + field->size());
    }
    if (!wanted.empty()) throw refuse("the zip64 sizes of " + name + " are missing");
  }

  void read_record(std::string_view records, std::size_t& position, std::uint64_t limit) {
    const auto fixed = slice(records, position, kDirectorySize);
    if (!fixed || u32(*fixed, 0) != kDirectorySignature) throw refuse("its directory is damaged");
    const std::size_t name_size = u16(*fixed, 28);
    const std::size_t extra_size = u16(*fixed, 30);
    const std::size_t size = kDirectorySize + name_size + extra_size + u16(*fixed, 32);
    const auto record = slice(records, position, size);
    if (!record) throw refuse("its directory is damaged");
    position += size;

    const std::string_view name = record->substr(kDirectorySize, name_size);
    const std::string quoted = in_quotes(name);
    if ((u16(*record, 8) & kEncrypted) != 0) throw refuse("the entry " + quoted + " is encrypted", "decrypt it first");
    if (u16(*record, 10) != 0) {
      throw refuse("the entry " + quoted + " is compressed, and PyTorch does not compress",
                   "unpack the archive and pack it again with zip -0, or save the weights again with torch.save");
    }
    Sizes sizes{u32(*record, 24), u32(*record, 20), u32(*record, 42)};
    read_zip64(record->substr(kDirectorySize + name_size, extra_size), sizes, quoted);
    if (sizes.full != sizes.stored) throw refuse("the entry " + quoted + " has two sizes");
    const std::uint64_t data = check_local(*record, name, sizes, limit);
    if (!entries_.try_emplace(std::string(name), ZipArchive::Entry{data, sizes.full, u32(*record, 16)}).second) {
      throw refuse("two entries are called " + quoted);
    }
    spans_.emplace_back(sizes.offset, data + sizes.full);
  }

  /// Compares the header before the data with the directory and returns the offset of the data.
  [[nodiscard]] std::uint64_t check_local(std::string_view record, std::string_view name, const Sizes& sizes,
                                          std::uint64_t limit) const {
    const std::string_view before_directory = content_.substr(0, static_cast<std::size_t>(limit));
    const auto local = slice(before_directory, sizes.offset, kLocalSize);
    if (!local || u32(*local, 0) != kLocalSignature) {
      throw refuse("the entry " + in_quotes(name) + " is not where the directory says");
    }
    const std::uint64_t name_at = sizes.offset + kLocalSize;  // no overflow: the header before it is inside the file
    const auto local_name = slice(before_directory, name_at, u16(*local, 26));
    const std::uint64_t data = name_at + u16(*local, 26) + u16(*local, 28);
    if (!local_name || *local_name != name || !slice(before_directory, data, sizes.full)) {
      throw refuse("the entry " + in_quotes(name) + " does not agree with the directory");
    }
    const auto agrees = [&](std::size_t at, std::uint64_t expected) {
      const std::uint32_t value = u32(*local, at);
      return value == expected || value == kIn64 || (value == 0 && (u16(*local, 6) & kSizesFollow) != 0);
    };
    if (((u16(*local, 6) ^ u16(record, 8)) & kEncrypted) != 0 || u16(*local, 8) != 0 || !agrees(18, sizes.stored) ||
        !agrees(22, sizes.full)) {
      throw refuse("the entry " + in_quotes(name) + " does not agree with the directory");
    }
    return data;
  }

  void check_overlap() {
    std::sort(spans_.begin(), spans_.end());
    for (std::size_t k = 1; k < spans_.size(); ++k) {
      if (spans_[k].first < spans_[k - 1].second) throw refuse("its entries overlap");
    }
  }

  std::string_view content_;
  const std::string& where_;
  std::map<std::string, ZipArchive::Entry, std::less<>> entries_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> spans_;
};

std::uint32_t checksum(std::string_view data) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

}  // namespace

ZipArchive::ZipArchive(std::string_view content, std::string where)
    : content_(content), where_(std::move(where)), entries_(Reader(content_, where_).read()) {}

std::string_view ZipArchive::read(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw input_error(where_ + " has no entry " + in_quotes(name), kDamaged);
  const std::string_view data =
      content_.substr(static_cast<std::size_t>(found->second.offset), static_cast<std::size_t>(found->second.size));
  if (checksum(data) != found->second.crc) {
    throw input_error(where_ + ": the checksum of the entry " + in_quotes(name) + " is wrong",
                      "the file is damaged, or was saved after torch.serialization.set_crc32_options(False)");
  }
  return data;
}

}  // namespace denseshift::io
