// The store of 8-bit kernels. To be included inside the anonymous namespace of a unit, whose flags decide what the
// compiler makes of these plain loops.

void store_a8(const A8StoreCall& call) {
  for (std::size_t c = 0; c < call.columns; ++c) {
    const std::int32_t* sums = call.sums + c * call.mr;
    float values[kMaxPanelRows];
    for (std::size_t r = 0; r < call.rows; ++r) {
      const float value = static_cast<float>(sums[r] + call.correction[r]) * call.scale[r] + call.bias[r];
      values[r] = value < call.floor ? call.floor : value;
    }
    if (call.y != nullptr) {
      float* y = call.y + c * call.stride;
      for (std::size_t r = 0; r < call.rows; ++r) y[r] = values[r];
    } else {
      std::uint8_t* y = call.bytes + c * call.stride;
      for (std::size_t r = 0; r < call.rows; ++r) {
        float level = values[r] * call.inverse_scale;
        // Clamped before rounding, so that the conversion cannot overflow; NaN becomes the lowest byte.
        level = level > -call.zero_point ? level : -call.zero_point;
        level = level < 255.0F - call.zero_point ? level : 255.0F - call.zero_point;
        y[r] = static_cast<std::uint8_t>(static_cast<std::int32_t>(__builtin_nearbyintf(level)) +
                                         static_cast<std::int32_t>(call.zero_point));
      }
    }
  }
}
