#include "core/kernels/shift_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "core/kernels/densequant.h"
#include "core/util/rng.h"

namespace denseshift::kernels {
namespace {

using ::testing::ElementsAre;

TEST(ShiftCodes, BitsAndGatesBelongTogether) {
  for (const auto& [bits, gates] : {std::pair(2, 1), std::pair(3, 3), std::pair(4, 7)}) {
    EXPECT_EQ(bits_of_gates(gates), bits);
    EXPECT_EQ(gates_of_bits(bits), gates);
  }
  EXPECT_THROW((void)bits_of_gates(2), std::invalid_argument);
  EXPECT_THROW((void)gates_of_bits(5), std::invalid_argument);
  EXPECT_THROW((void)gates_of_bits(1), std::invalid_argument);
}

TEST(ShiftCodes, TwoBitCodesAreInOrderOfWeight) {
  std::vector<float> weights;
  for (std::uint8_t code = 0; code < 4; ++code) weights.push_back(weight_of_packed(code, 2));
  EXPECT_THAT(weights, ElementsAre(-2, -1, 1, 2));
}

TEST(ShiftCodes, ThreeAndFourBitCodesAreSignMagnitude) {
  EXPECT_EQ(weight_of_packed(0b000, 3), 1.0F);
  EXPECT_EQ(weight_of_packed(0b011, 3), 8.0F);
  EXPECT_EQ(weight_of_packed(0b100, 3), -1.0F);
  EXPECT_EQ(weight_of_packed(0b111, 3), -8.0F);
  EXPECT_EQ(weight_of_packed(0b0111, 4), 128.0F);
  EXPECT_EQ(weight_of_packed(0b1001, 4), -2.0F);
  EXPECT_EQ(weight_of_packed(0b1001, 4, -3), -0.25F);
}

TEST(ShiftCodes, EveryTrainingCodeKeepsItsWeightAndEveryPackedCodeIsUsed) {
  for (const int gates : {1, 3, 7}) {
    const int bits = bits_of_gates(gates);
    std::set<int> used;
    for (int code = 0; code < (2 << gates); ++code) {
      const auto byte = static_cast<std::uint8_t>(code);
      const std::uint8_t packed = pack_code(byte, gates);
      used.insert(packed);
      float weight = 0;
      decode({gates, GradientMode::surrogate, ZeroConvention::paper, -2}, &byte, &weight, 0, 1);
      EXPECT_EQ(weight_of_packed(packed, bits, -2), weight);
      EXPECT_EQ(pack_code(unpack_code(packed, gates), gates), packed);
    }
    EXPECT_EQ(used.size(), std::size_t{1} << bits);
    EXPECT_EQ(*used.rbegin(), (1 << bits) - 1);
  }
}

TEST(ShiftCodes, BitsLieFromTheLowestUpAndCrossBytes) {
  EXPECT_THAT(pack_bits({1, 2, 3, 0, 2}, 2), ElementsAre(0b00111001, 0b10));
  EXPECT_THAT(pack_bits({0b101, 0b110, 0b011, 0b111}, 3), ElementsAre(0b11110101, 0b1110));
  EXPECT_THAT(pack_bits({0xA, 0x3, 0xF}, 4), ElementsAre(0x3A, 0x0F));
  EXPECT_TRUE(pack_bits({}, 3).empty());
}

TEST(ShiftCodes, BitsComeBack) {
  RandomStream random(1);
  for (const int bits : {2, 3, 4}) {
    for (std::size_t n = 0; n < 40; ++n) {
      std::vector<std::uint8_t> codes;
      for (std::size_t i = 0; i < n; ++i) codes.push_back(static_cast<std::uint8_t>(random.below(1U << bits)));
      const std::vector<std::uint8_t> bytes = pack_bits(codes, bits);
      EXPECT_EQ(bytes.size(), packed_bytes(n, bits));
      EXPECT_EQ(unpack_bits(bytes, n, bits), codes);
    }
  }
  EXPECT_THROW((void)unpack_bits({0xFF}, 3, 3), std::invalid_argument);
}

}  // namespace
}  // namespace denseshift::kernels
