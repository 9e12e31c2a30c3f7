// Bytes in NEON registers, for neon_a8.cpp and neon_dotprod.cpp. To be included in their anonymous namespace.

struct NeonBytes {
  using Bytes = int8x16_t;  // 4 inputs of 4 rows
  using X = int8x16_t;
  using Table = int8x16_t;
  static constexpr std::size_t kRows = 4;
  static constexpr std::size_t gemv_tiles(int) { return 2; }
  static constexpr int kXOffset = 128;  // products are of signed bytes

  static Bytes load(const void* from) { return vld1q_s8(static_cast<const std::int8_t*>(from)); }
  static void store(void* to, Bytes bytes) { vst1q_s8(static_cast<std::int8_t*>(to), bytes); }
  static Bytes no_bytes() { return vdupq_n_s8(0); }
  static Table table(const ByteTable& table) { return vld1q_s8(table.entry); }
  static Bytes low(Bytes b) { return vandq_s8(b, vdupq_n_s8(15)); }
  static Bytes high(Bytes b) { return vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(b), 4)); }
  static Bytes shuffle(Table table, Bytes index) { return vqtbl1q_s8(table, vreinterpretq_u8_s8(index)); }
  // Bit 3 of the three becomes bits 0, 1, 2 and bit 7 becomes bits 4, 5, 6.
  static Bytes bits37(Bytes w0, Bytes w1, Bytes w2) {
    const uint8x16_t b0 = vandq_u8(vshrq_n_u8(vreinterpretq_u8_s8(w0), 3), vdupq_n_u8(0x11));
    const uint8x16_t b1 = vandq_u8(vshrq_n_u8(vreinterpretq_u8_s8(w1), 2), vdupq_n_u8(0x22));
    const uint8x16_t b2 = vandq_u8(vshrq_n_u8(vreinterpretq_u8_s8(w2), 1), vdupq_n_u8(0x44));
    return vreinterpretq_s8_u8(vorrq_u8(vorrq_u8(b0, b1), b2));
  }
  static X x4(const std::uint8_t* x) {
    std::uint32_t word = 0;
    __builtin_memcpy(&word, x, sizeof word);
    return vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_u32(vdupq_n_u32(word)), vdupq_n_u8(0x80)));
  }
};
