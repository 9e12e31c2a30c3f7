// Activation quantizers against values computed by the methods' authors and others (kind "activation").

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/quant/activation.h"
#include "tests/support/quantizer_vectors.h"

namespace denseshift::quant {
namespace {

using testing::expect_tensor;
using testing::number;

std::vector<float> activation_values(const at::Tensor& x) {
  const at::Tensor flat = x.detach().contiguous().to(at::kFloat);
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

at::Tensor input(const nlohmann::json& entry, const char* name) {
  return at::tensor(testing::tensor(entry.at("inputs").at(name)))
      .reshape(entry.at("inputs").at(name).at("shape").get<std::vector<std::int64_t>>());
}

/// The entry's quantizer, without what a network has in front of it.
ActivationOptions options_of(const nlohmann::json& entry) {
  const nlohmann::json& params = entry.at("params");
  ActivationOptions options;
  options.bare = true;
  options.bits = entry.at("bits").get<std::int64_t>();
  const auto method = entry.at("method").get<std::string>();
  if (method == "PACT") {
    options.method = "pact";
    options.alpha = number(params.at("alpha"));
    options.signed_input = params.value("signed", false);
  } else if (method == "HWGQ") {
    options.method = "hwgq";
    for (const nlohmann::json& centre : params.at("centers")) options.centres.push_back(number(centre));
  } else if (method == "LQ-Nets") {
    options.method = "lq-nets";
  } else {
    ADD_FAILURE() << entry.at("id") << ": no activation quantizer for " << method;
  }
  return options;
}

void check(const nlohmann::json& entry, bool reference) {
  SCOPED_TRACE(entry.at("id").get<std::string>() + (reference ? ", tensor operations" : ", fused"));
  ActivationOptions options = options_of(entry);
  if (::testing::Test::HasFailure()) return;
  options.reference = reference;
  const auto quantizer = make_activation(options);
  const nlohmann::json& expected = entry.at("expected");
  if (expected.contains("levels")) {
    std::vector<double> levels = quantizer->levels();
    expect_tensor(entry, "levels", levels);
  }
  at::Tensor x = input(entry, "x").requires_grad_(true);
  const at::Tensor y = quantizer->forward(x);
  expect_tensor(entry, "y", activation_values(y));
  if (expected.contains("grad_x")) {
    y.backward(input(entry, "grad_y"));
    expect_tensor(entry, "grad_x", activation_values(x.grad()));
  }
  if (expected.contains("grad_alpha")) {
    expect_tensor(entry, "grad_alpha", activation_values(quantizer->parameters().at(0).tensor.grad()));
  }
  // After its first step the debiased average is the least-squares basis itself.
  if (expected.contains("basis_ls"))
    expect_tensor(entry, "basis_ls", activation_values(quantizer->buffers().at(0).tensor));
}

TEST(ActivationOracle, AllEntries) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int entries = 0;
  for (const nlohmann::json& entry : testing::quantizer_vectors()) {
    if (entry.at("kind") != "activation") continue;
    ++entries;
    for (const bool reference : {false, true}) check(entry, reference);
  }
  EXPECT_GT(entries, 0);
}

}  // namespace
}  // namespace denseshift::quant
