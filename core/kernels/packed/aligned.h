#pragma once
// Vectors whose memory begins at a cache line, as the kernels' loads and stores want it.

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace denseshift::kernels {

/// Standard allocator with the alignment of a cache line (and of the widest vector register).
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) noexcept {}

  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlignment)); }
  void deallocate(T* memory, std::size_t) noexcept { ::operator delete(memory, kAlignment); }
  template <class U>
  bool operator==(const CacheLineAllocator<U>&) const noexcept {
    return true;
  }
};

using AlignedBytes = std::vector<std::uint8_t, CacheLineAllocator<std::uint8_t>>;
using AlignedFloats = std::vector<float, CacheLineAllocator<float>>;
using AlignedInts = std::vector<std::int32_t, CacheLineAllocator<std::int32_t>>;

}  // namespace denseshift::kernels
