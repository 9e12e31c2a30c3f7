// Bytes in AVX-512 registers, for avx512_a8.cpp and avx512vnni.cpp. To be included in their anonymous namespace.

struct Avx512Bytes {
  using Bytes = __m512i;
  using X = __m512i;
  using Table = __m512i;
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t gemv_tiles(int) { return 8; }

  static Bytes load(const void* from) { return _mm512_loadu_si512(from); }
  static void store(void* to, Bytes bytes) { _mm512_storeu_si512(to, bytes); }
  static Bytes no_bytes() { return _mm512_setzero_si512(); }
  static Table table(const ByteTable& table) {
    return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(table.entry)));
  }
  static Bytes low(Bytes b) { return _mm512_and_si512(b, _mm512_set1_epi8(15)); }
  static Bytes high(Bytes b) { return _mm512_and_si512(_mm512_srli_epi16(b, 4), _mm512_set1_epi8(15)); }
  static Bytes shuffle(Table table, Bytes index) { return _mm512_shuffle_epi8(table, index); }
  // Bit 3 of the three becomes bits 0, 1, 2 and bit 7 becomes bits 4, 5, 6. Function 0xf8 is a | (b & c).
  static Bytes bits37(Bytes w0, Bytes w1, Bytes w2) {
    Bytes bits = _mm512_and_si512(_mm512_srli_epi16(w0, 3), _mm512_set1_epi8(0x11));
    bits = _mm512_ternarylogic_epi64(bits, _mm512_srli_epi16(w1, 2), _mm512_set1_epi8(0x22), 0xf8);
    return _mm512_ternarylogic_epi64(bits, _mm512_srli_epi16(w2, 1), _mm512_set1_epi8(0x44), 0xf8);
  }
  static X x4(const std::uint8_t* x) {
    int word = 0;
    __builtin_memcpy(&word, x, sizeof word);
    return _mm512_set1_epi32(word);
  }
};
