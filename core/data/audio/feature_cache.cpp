#include "core/data/audio/feature_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

// An entry: magic, bins and frames (8 bytes each), the values, 32 characters of their SHA-256; all in the machine's own
// byte order, which the magic number tells.
constexpr std::uint64_t kMagic = 0x316C656D54464853;
constexpr std::size_t kHeader = 24;
constexpr std::size_t kDigest = 32;
constexpr std::size_t kLargestEntry = std::size_t{1} << 30;
constexpr const char* kExtension = ".mel";

std::string encode(const Features& features) {
  const std::size_t bytes = features.values.size() * sizeof(float);
  const std::array<std::uint64_t, 3> header{kMagic, static_cast<std::uint64_t>(features.bins),
                                            static_cast<std::uint64_t>(features.frames)};
  std::string content(kHeader + bytes, '\0');
  std::memcpy(content.data(), header.data(), kHeader);
  std::memcpy(content.data() + kHeader, features.values.data(), bytes);
  return content + sha256(content.data(), content.size()).substr(0, kDigest);
}

std::optional<Features> decode(const std::string& content) {
  if (content.size() < kHeader + kDigest) return {};
  std::array<std::uint64_t, 3> header{};
  std::memcpy(header.data(), content.data(), kHeader);
  const auto [magic, bins, frames] = header;
  const std::size_t bytes = content.size() - kHeader - kDigest;
  const std::uint64_t count = bytes / sizeof(float);
  if (magic != kMagic || bins == 0 || bytes % sizeof(float) != 0 || count % bins != 0 || count / bins != frames) {
    return {};
  }
  const std::string_view digest = std::string_view(content).substr(kHeader + bytes);
  if (sha256(content.data(), kHeader + bytes).substr(0, kDigest) != digest) return {};
  Features features{static_cast<std::int64_t>(bins), static_cast<std::int64_t>(frames), {}};
  features.values.resize(count);
  std::memcpy(features.values.data(), content.data() + kHeader, bytes);
  return features;
}

struct Entry {
  fs::file_time_type used;
  std::uint64_t bytes = 0;
  fs::path path;
};

/// All entries. Temporary files that are older than an hour belong to nobody any more and are removed.
std::vector<Entry> entries_of(const fs::path& folder) {
  const auto stale = fs::file_time_type::clock::now() - std::chrono::hours(1);
  std::vector<Entry> entries;
  std::error_code code;
  for (fs::recursive_directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    std::error_code gone;  // another process may remove it meanwhile
    const std::string name = it->path().filename().string();
    const auto used = fs::last_write_time(it->path(), gone);
    const std::uint64_t bytes = gone || !it->is_regular_file(gone) ? 0 : it->file_size(gone);
    if (gone || name.find(kExtension) == std::string::npos) continue;
    if (it->path().extension() == kExtension) {
      entries.push_back({used, bytes, it->path()});
    } else if (used < stale) {
      fs::remove(it->path(), gone);
    }
  }
  return entries;
}

/// Held while one process tidies up; others do without.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : descriptor_(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    held_ = descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  }
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  int descriptor_;
  bool held_ = false;
};

}  // namespace

FeatureCache::FeatureCache(fs::path folder, std::uint64_t limit)
    : folder_(std::move(folder)), limit_(limit), written_(limit) {
  std::error_code code;
  fs::create_directories(folder_, code);
  usable_ = !code;
}

std::string FeatureCache::key(std::string_view content, const FrontEnd& front_end, bool resampled) {
  Sha256 hash;
  const std::string how = front_end.key() + (resampled ? " resampled" : "");
  hash.update(how.c_str(), how.size() + 1);
  hash.update(content.data(), content.size());
  return hash.hex();
}

fs::path FeatureCache::path(const std::string& key) const { return folder_ / key.substr(0, 2) / (key + kExtension); }

std::optional<Features> FeatureCache::find(const std::string& key) const {
  const fs::path file = path(key);
  std::error_code code;
  if (!fs::exists(file, code)) return {};
  try {
    std::optional<Features> features = decode(read_file(file, kLargestEntry));
    if (features) ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
    return features;
  } catch (const Error&) {
    return {};  // removed by another process since, or unreadable
  }
}

void FeatureCache::store(const std::string& key, const Features& features) {
  if (!usable_) return;
  const std::string content = encode(features);
  if (content.size() > limit_ / 2) return;
  try {
    const fs::path file = path(key);
    std::error_code code;
    fs::create_directories(file.parent_path(), code);
    AtomicFile out(file);
    out.write(content.data(), content.size());
    out.commit(/*durable=*/false);
  } catch (const Error&) {
    usable_ = false;  // full or read-only: the run goes on without
    return;
  }
  if (written_.fetch_add(content.size()) + content.size() > limit_ / 10) shrink();
}

void FeatureCache::shrink() {
  written_ = 0;
  const FolderLock lock(folder_);
  if (!lock.held()) return;
  std::vector<Entry> entries = entries_of(folder_);
  std::uint64_t total = 0;
  for (const Entry& entry : entries) total += entry.bytes;
  const std::uint64_t wanted = limit_ - limit_ / 10;
  if (total <= wanted) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= wanted) break;
    std::error_code ignored;
    if (fs::remove(entry.path, ignored)) total -= entry.bytes;
  }
}

std::string feature_cache_folder(const char* setting, const char* xdg_cache_home, const char* home) {
  const auto set = [](const char* text) { return text != nullptr && *text != '\0'; };
  if (set(setting)) return std::string_view(setting) == "off" ? std::string() : setting;
  if (set(xdg_cache_home)) return std::string(xdg_cache_home) + "/denseshift/features";
  if (set(home)) return std::string(home) + "/.cache/denseshift/features";
  return {};
}

FeatureStore::FeatureStore(std::int64_t samples, std::int64_t limit)
    : kept_(static_cast<std::size_t>(samples)), left_(limit) {}

std::shared_ptr<const Features> FeatureStore::get(std::int64_t sample, const std::function<Features()>& compute) {
  const auto i = static_cast<std::size_t>(sample);
  {
    const std::lock_guard lock(mutex_);
    if (kept_.at(i)) return kept_[i];
  }
  auto features = std::make_shared<const Features>(compute());
  const auto bytes = static_cast<std::int64_t>(features->values.size() * sizeof(float));
  const std::lock_guard lock(mutex_);
  if (!kept_[i] && bytes <= left_) {
    left_ -= bytes;
    kept_[i] = features;
  }
  return features;
}

}  // namespace denseshift::data
