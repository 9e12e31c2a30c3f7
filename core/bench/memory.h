#pragma once
// Caches of this machine, and how many copies of the data a cold measurement rotates through.

#include <cstddef>

namespace denseshift::bench {

/// Bytes; 0 where the system does not tell.
struct CacheSizes {
  std::size_t l1d = 0, l2 = 0, l3 = 0;

  /// The largest known one; 8 MiB when none is.
  [[nodiscard]] std::size_t last() const;
};

/// Of the first CPU, from sysfs, else from sysconf.
[[nodiscard]] CacheSizes cache_sizes();

/// Copies of `bytes` so that a rotation through them exceeds twice the last cache, at least 2.
[[nodiscard]] std::size_t copies_beyond_cache(std::size_t bytes, const CacheSizes& caches);

}  // namespace denseshift::bench
