#include "core/bench/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace denseshift::bench {
namespace {

/// "32K" or "36608K" or "1M" as sysfs writes sizes.
std::size_t parse_size(const std::string& text) {
  std::size_t number = 0;
  std::size_t at = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9')
    number = number * 10 + static_cast<std::size_t>(text[at++] - '0');
  if (at < text.size() && text[at] == 'K') number <<= 10;
  if (at < text.size() && text[at] == 'M') number <<= 20;
  return number;
}

std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

std::size_t from_sysconf(int name) {
  const long bytes = sysconf(name);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

std::size_t CacheSizes::last() const {
  const std::size_t largest = std::max({l1d, l2, l3});
  return largest > 0 ? largest : std::size_t{8} << 20;
}

CacheSizes cache_sizes() {
  CacheSizes sizes;
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string level = first_word(folder + "level");
    if (level.empty()) break;
    if (first_word(folder + "type") == "Instruction") continue;
    const std::size_t bytes = parse_size(first_word(folder + "size"));
    (level == "1" ? sizes.l1d : level == "2" ? sizes.l2 : sizes.l3) = bytes;
  }
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  if (sizes.l1d == 0) sizes.l1d = from_sysconf(_SC_LEVEL1_DCACHE_SIZE);
  if (sizes.l2 == 0) sizes.l2 = from_sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (sizes.l3 == 0) sizes.l3 = from_sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
  return sizes;
}

std::size_t copies_beyond_cache(std::size_t bytes, const CacheSizes& caches) {
  return std::max<std::size_t>(2, 2 * caches.last() / std::max<std::size_t>(bytes, 1) + 1);
}

}  // namespace denseshift::bench
