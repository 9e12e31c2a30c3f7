// To be included inside the anonymous namespace of an instruction set's unit.

/// body(constant 0), body(constant 1), ...: indices the compiler knows from the start, so that arrays of registers stay
/// in registers. (Loops that are unrolled later leave a store for every element.)
template <std::size_t kCount, class Body>
inline __attribute__((always_inline)) void unrolled(const Body& body) {
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
    (body(std::integral_constant<std::size_t, kIndex>{}), ...);
  }
  (std::make_index_sequence<kCount>{});
}
