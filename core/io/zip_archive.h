#pragma once
// The zip format as far as PyTorch writes it: entries that are stored, not compressed, and zip64 records.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace denseshift::io {

/// The entries of an archive in memory. All places and sizes are checked when it is opened: the central directory ends
/// where the end record begins, entries lie before it without overlap, local headers agree with the directory, names
/// are unique. Nothing is copied, so an archive cannot grow when it is read. Errors are input errors that begin with
/// `where`, the file's name. Work and memory are proportional to the central directory.
class ZipArchive {
 public:
  /// `content` must outlive the archive.
  ZipArchive(std::string_view content, std::string where);

  /// Whether the content begins like an archive.
  [[nodiscard]] static bool looks_like_one(std::string_view content) noexcept { return content.starts_with("PK\3\4"); }

  struct Entry {
    std::uint64_t offset = 0;  ///< of the data in the content
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
  };

  [[nodiscard]] const std::map<std::string, Entry, std::less<>>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }
  /// The data of an entry, its checksum verified: read each once. Throws when it is missing or damaged.
  [[nodiscard]] std::string_view read(std::string_view name) const;

 private:
  std::string_view content_;
  std::string where_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace denseshift::io
