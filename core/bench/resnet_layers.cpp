#include "core/bench/resnet_layers.h"

#include <algorithm>

#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::bench {
namespace {

constexpr std::size_t kFirstSide = 56;  // after the first convolution and its pooling
constexpr std::size_t kFirstChannels = 64;

class Layers {
 public:
  explicit Layers(std::size_t batch) : batch_(batch) {}

  void add(std::size_t side, std::size_t channels, std::size_t outputs, std::size_t kernel, std::size_t stride) {
    ConvLayer layer;
    layer.shape = {batch_, side, side, channels, kernel, kernel, stride, kernel / 2};
    layer.outputs = outputs;
    const auto text = [](std::size_t number) { return std::to_string(number); };
    layer.name = text(kernel) + "x" + text(kernel) + " s" + text(stride) + " " + text(side) + "x" + text(side) + " " +
                 text(channels) + "-" + text(outputs);
    const auto same = std::ranges::find(all_, layer.name, &ConvLayer::name);
    if (same == all_.end()) {
      all_.push_back(std::move(layer));
    } else {
      ++same->count;
    }
  }

  /// A block of two 3x3 convolutions, or of 1x1, 3x3, 1x1 around a narrow middle; 1x1 on the way around when the shape
  /// changes.
  void add_block(bool bottleneck, std::size_t side, std::size_t channels, std::size_t width, std::size_t stride) {
    const std::size_t outputs = bottleneck ? 4 * width : width;
    if (bottleneck) {
      add(side, channels, width, 1, 1);
      add(side, width, width, 3, stride);
      add(side / stride, width, outputs, 1, 1);
    } else {
      add(side, channels, width, 3, stride);
      add(side / stride, width, width, 3, 1);
    }
    if (stride != 1 || channels != outputs) add(side, channels, outputs, 1, stride);
  }

  [[nodiscard]] std::vector<ConvLayer> take() { return std::move(all_); }

 private:
  std::size_t batch_;
  std::vector<ConvLayer> all_;
};

}  // namespace

std::vector<ConvLayer> resnet_layers(const std::string& arch, std::size_t batch) {
  const bool bottleneck = arch == "resnet50";
  if (!bottleneck && arch != "resnet18") {
    throw usage_error("--arch: no shapes of '" + arch + "'", suggestion(arch, {"resnet18", "resnet50"}));
  }
  const std::vector<std::size_t> blocks =
      bottleneck ? std::vector<std::size_t>{3, 4, 6, 3} : std::vector<std::size_t>{2, 2, 2, 2};
  Layers layers(batch);
  std::size_t side = kFirstSide;
  std::size_t channels = kFirstChannels;
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    const std::size_t width = kFirstChannels << stage;
    for (std::size_t block = 0; block < blocks[stage]; ++block) {
      const std::size_t stride = stage > 0 && block == 0 ? 2 : 1;
      layers.add_block(bottleneck, side, channels, width, stride);
      side /= stride;
      channels = bottleneck ? 4 * width : width;
    }
  }
  return layers.take();
}

}  // namespace denseshift::bench
