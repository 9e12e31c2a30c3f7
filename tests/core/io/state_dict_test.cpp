// Networks to files and back, strictly.

#include "core/io/state_dict.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "core/nn/layers.h"
#include "core/nn/model.h"
#include "core/util/error.h"
#include "tests/core/quant/denseshift_support.h"
#include "tests/support/run_program.h"

namespace denseshift::io {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::shared_ptr<nn::Classifier> network(const std::string& impl, std::uint64_t seed) {
  quant::LayerPolicy policy(testing::denseshift_options(3, impl), "paper", {});
  auto model = nn::make_classifier("resnet20", 10, policy);
  nn::initialize(*model, seed);
  return model;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(StateDict, RoundTripKeepsEveryBit) {
  const TemporaryFolder folder;
  const std::string path = folder.file("network.safetensors");
  const auto saved = network("leaf", 1);
  (void)saved->forward(at::randn({4, 3, 32, 32}));  // moves the statistics and their counter
  save_tensors(path, state_of(*saved), {{"format", "test"}});
  saved->eval();
  const at::NoGradGuard no_grad;
  const at::Tensor images = at::randn({2, 3, 32, 32});
  const at::Tensor expected = saved->forward(images);
  for (const char* impl : {"leaf", "function", "reference"}) {
    const auto loaded = network(impl, 2);
    const SafetensorsFile file(path);
    load_tensors(file, path, "", state_of(*loaded));
    state_changed(*loaded);
    const auto a = state_of(*saved);
    const auto b = state_of(*loaded);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].name, b[i].name);
      EXPECT_TRUE(at::equal(a[i].tensor, b[i].tensor)) << a[i].name;
    }
    loaded->eval();
    EXPECT_TRUE(at::equal(loaded->forward(images), expected)) << impl;
  }
}

TEST(StateDict, AllTypesLayoutsAndSpecialValues) {
  const TemporaryFolder folder;
  const std::string path = folder.file("types.safetensors");
  std::vector<quant::NamedTensor> saved, loaded;
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                                    at::kChar, at::kByte, at::kBool}) {
    const at::Tensor values = at::arange(24).reshape({2, 3, 2, 2}).sub(5).to(type);
    const std::string name = c10::toString(type);
    saved.push_back({name, values});
    saved.push_back({name + ".channels_last", values.contiguous(at::MemoryFormat::ChannelsLast)});
    saved.push_back({name + ".scalar", values[1][1][1][1]});
    saved.push_back({name + ".empty", at::empty({0, 3}, values.options())});
  }
  const float infinity = std::numeric_limits<float>::infinity();
  saved.push_back({"special", at::tensor({-0.0F, infinity, -infinity, std::numeric_limits<float>::denorm_min()})});
  for (const auto& item : saved) loaded.push_back({item.name, at::zeros_like(item.tensor)});
  save_tensors(path, saved, {});
  load_tensors(SafetensorsFile(path), path, "", loaded);
  for (std::size_t i = 0; i < saved.size(); ++i) {
    EXPECT_TRUE(at::equal(saved[i].tensor, loaded[i].tensor)) << saved[i].name;
  }
  EXPECT_TRUE(std::signbit(loaded.back().tensor[0].item<float>()));
}

TEST(StateDict, DifferencesNameTheTensor) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.safetensors");
  const at::Tensor a = at::ones({2, 3});
  save_tensors(path, {{"net.a", a}, {"net.b", a}, {"other.c", a}}, {});
  const SafetensorsFile file(path);
  const auto load = [&](const std::vector<quant::NamedTensor>& live) {
    return message_of([&] { load_tensors(file, "x", "net.", live); });
  };
  EXPECT_EQ(load({{"a", a.clone()}, {"b", a.clone()}}), "no error") << "tensors under another prefix do not matter";
  EXPECT_EQ(load({{"a", a.clone()}, {"b", a.clone()}, {"d", a.clone()}}), "x: tensor net.d is missing");
  EXPECT_EQ(load({{"a", a.clone()}}), "x: unexpected tensor net.b");
  EXPECT_EQ(load({{"a", at::ones({3, 2})}, {"b", a.clone()}}), "x: tensor net.a has shape [2, 3], expected [3, 2]");
  EXPECT_EQ(load({{"a", at::ones({6})}, {"b", a.clone()}}), "x: tensor net.a has shape [2, 3], expected [6]");
  EXPECT_EQ(load({{"a", a.clone()}, {"b", a.to(at::kDouble)}}), "x: tensor net.b has type F32, expected F64");
}

TEST(StateDict, AnotherBitWidthDoesNotLoad) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.safetensors");
  save_tensors(path, state_of(*network("leaf", 1)), {});
  quant::LayerPolicy policy(testing::denseshift_options(2, "leaf"), "paper", {});
  const auto two_bits = nn::make_classifier("resnet20", 10, policy);
  EXPECT_THAT(message_of([&] { load_tensors(SafetensorsFile(path), path, "", state_of(*two_bits)); }),
              HasSubstr("unexpected tensor layer1.0.conv1.w_2"));
}

TEST(StateDict, NotANumberInAFileNamesTheLayer) {
  for (const char* impl : {"leaf", "function", "reference"}) {
    const auto model = network(impl, 1);
    for (const quant::NamedTensor& item : state_of(*model)) {
      if (item.name == "layer2.1.conv2.w_3") {
        item.tensor.detach().flatten()[11].fill_(std::numeric_limits<float>::quiet_NaN());
      }
    }
    EXPECT_THAT(message_of([&] { state_changed(*model); }), HasSubstr("layer2.1.conv2: a reference weight is NaN"));
  }
}

}  // namespace
}  // namespace denseshift::io
