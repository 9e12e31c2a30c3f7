#pragma once
// Features that need not be computed again: on disk by content, and in memory for the run.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/audio/log_mel.h"

namespace denseshift::data {

/// A folder of features, one file for each recording and front end. Processes may share it: entries appear whole, and
/// what is missing or damaged is a miss. A cache never fails a run: a folder that cannot be written only stays empty.
class FeatureCache {
 public:
  static constexpr std::uint64_t kDefaultLimit = std::uint64_t{4} << 30;

  /// Keeps the folder below `limit` bytes by removing the entries that were read longest ago.
  explicit FeatureCache(std::filesystem::path folder, std::uint64_t limit = kDefaultLimit);

  /// Names the features of a recording: its bytes and everything that they are made with.
  [[nodiscard]] static std::string key(std::string_view content, const FrontEnd& front_end, bool resampled);

  /// Stored features of that key, or nothing. Marks the entry as used.
  [[nodiscard]] std::optional<Features> find(const std::string& key) const;
  /// Stores features; replaces an entry of that key.
  void store(const std::string& key, const Features& features);

  /// Removes the oldest entries when the folder is less than a tenth below its limit, and what killed processes left
  /// behind. Called by the first store(), and by a later one whenever a tenth of the limit has been written.
  void shrink();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  [[nodiscard]] std::filesystem::path path(const std::string& key) const;

  std::filesystem::path folder_;
  std::uint64_t limit_;
  std::atomic<std::uint64_t> written_;  ///< since the last look at the whole folder; at first as much as makes it look
  std::atomic<bool> usable_ = true;
};

/// The usual folder: `setting` (of the variable DENSESHIFT_FEATURE_CACHE; null when unset) unless it is empty, else
/// denseshift/features below `xdg_cache_home`, else below .cache of `home`; empty (no cache) for the setting "off" or
/// when there is no such place.
[[nodiscard]] std::string feature_cache_folder(const char* setting, const char* xdg_cache_home, const char* home);

/// Features of the samples of a run, kept in memory up to a limit. Safe for threads.
class FeatureStore {
 public:
  static constexpr std::int64_t kDefaultLimit = std::int64_t{4} << 30;

  explicit FeatureStore(std::int64_t samples, std::int64_t limit = kDefaultLimit);

  /// Features of a sample; `compute` is called when they are not in memory, by several threads if they ask at once.
  [[nodiscard]] std::shared_ptr<const Features> get(std::int64_t sample, const std::function<Features()>& compute);

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<const Features>> kept_;
  std::int64_t left_;  ///< bytes
};

}  // namespace denseshift::data
