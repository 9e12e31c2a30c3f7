// What every registered method must do, whatever it computes: run for each method at each of its bit widths, by its
// fused path and by the composition of tensor operations.

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "core/util/error.h"
#include "tests/core/quant/baselines_support.h"

namespace denseshift {
namespace {

using quant::ExportedCodes;
using quant::WeightQuantizer;
using testing::make;

struct ContractCase {
  std::string method;
  std::int64_t bits;
  std::string impl;
};

std::vector<ContractCase> cases(const std::vector<std::string>& impls) {
  std::vector<ContractCase> all;
  for (const auto& entry : quant::methods().entries()) {
    if (entry.name == "fp32") continue;
    for (const std::int64_t bits : entry.value.bits) {
      for (const std::string& impl : impls) all.push_back({entry.name, bits, impl});
    }
  }
  return all;
}

const std::vector<std::int64_t> kContractShape = {6, 5, 3, 3};

std::unique_ptr<WeightQuantizer> random_start(const ContractCase& c,
                                              const std::vector<std::int64_t>& shape = kContractShape) {
  auto quantizer = make(c.method, c.bits, shape, c.impl);
  quantizer->initialize(at::make_generator<at::CPUGeneratorImpl>(7));
  quantizer->on_epoch(0, 10);
  return quantizer;
}

/// The weights of an evaluation.
at::Tensor evaluated(WeightQuantizer& quantizer) {
  const bool was_training = quantizer.training();
  quantizer.set_training(false);
  at::Tensor q = quantizer.quantize().detach().clone();
  quantizer.set_training(was_training);
  return q;
}

std::vector<at::Tensor> state(const WeightQuantizer& quantizer) {
  std::vector<at::Tensor> tensors;
  for (const auto& list : {quantizer.parameters(), quantizer.buffers()}) {
    for (const quant::NamedTensor& item : list) tensors.push_back(item.tensor.detach().clone());
  }
  return tensors;
}

bool equal_bits(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(a.contiguous().view(at::kInt), b.contiguous().view(at::kInt));
}

/// A few steps of plain SGD on random upstream gradients, so that stored state leaves its start.
void train_a_little(WeightQuantizer& quantizer, int steps = 3) {
  quantizer.on_stage(0);
  for (int step = 0; step < steps; ++step) {
    const at::Tensor q = quantizer.quantize();
    at::manual_seed(static_cast<std::uint64_t>(step));
    q.backward(at::randn(q.sizes()) * 1e-2);
    if (quantizer.leaf_update() != nullptr) {
      quant::SgdOptions options;
      options.lr = 0.1;
      quantizer.leaf_update()->sgd_step(options, {});
      quantizer.leaf_update()->leaf().mutable_grad() = at::Tensor();
    } else {
      const at::NoGradGuard no_grad;
      for (const quant::NamedTensor& p : quantizer.parameters()) {
        if (!p.tensor.grad().defined()) continue;
        p.tensor.detach().sub_(p.tensor.grad(), 0.1);
        at::Tensor parameter = p.tensor;
        parameter.mutable_grad() = at::Tensor();
      }
    }
    quantizer.on_step(step + 1);
  }
}

class Contract : public ::testing::TestWithParam<ContractCase> {};

TEST_P(Contract, LevelsAreAsManyAsTheBitsAllowAndAscend) {
  const auto quantizer = random_start(GetParam());
  quantizer->set_training(false);
  const std::vector<double> levels = quantizer->levels();
  EXPECT_EQ(quantizer->bits(), GetParam().bits);
  EXPECT_GE(levels.size(), 2U);
  EXPECT_LE(levels.size(), std::size_t{1} << GetParam().bits);
  // Bits are counted as ceil(log2 of the number of levels).
  EXPECT_GT(levels.size(), std::size_t{1} << (GetParam().bits - 1));
  for (std::size_t i = 1; i < levels.size(); ++i) EXPECT_LT(levels[i - 1], levels[i]);
}

TEST_P(Contract, EvaluatedWeightsAreOfTheExportedLevelsToTheBit) {
  const auto quantizer = random_start(GetParam());
  train_a_little(*quantizer);
  const at::Tensor q = evaluated(*quantizer);
  const ExportedCodes exported = quantizer->export_codes();
  EXPECT_EQ(exported.bits, GetParam().bits);
  ASSERT_EQ(exported.codes.sizes(), q.sizes());
  EXPECT_EQ(exported.codes.scalar_type(), at::kByte);
  EXPECT_LT(exported.codes.max().item<std::int64_t>(), exported.codebook.size(1));
  EXPECT_LE(exported.codebook.size(1), std::int64_t{1} << GetParam().bits);
  EXPECT_TRUE(equal_bits(quant::unpack(exported), q));
  if (exported.integers.empty()) return;
  // The second form: scale times integer, exactly.
  std::vector<float> integers;
  for (const std::int64_t integer : exported.integers) integers.push_back(static_cast<float>(integer));
  const at::Tensor values = at::tensor(integers).index({exported.codes.to(at::kLong)});
  const at::Tensor scale = exported.scale.reshape({-1, 1, 1, 1});
  EXPECT_TRUE(at::equal(values * scale, q));
}

TEST_P(Contract, SavedAndLoadedStateGivesTheSameWeights) {
  const auto first = random_start(GetParam());
  train_a_little(*first);
  auto second = make(GetParam().method, GetParam().bits, kContractShape, GetParam().impl);
  {
    const at::NoGradGuard no_grad;
    for (const auto& [from, to] :
         {std::pair{first->parameters(), second->parameters()}, std::pair{first->buffers(), second->buffers()}}) {
      ASSERT_EQ(from.size(), to.size());
      for (std::size_t i = 0; i < from.size(); ++i) {
        EXPECT_EQ(from[i].name, to[i].name);
        to[i].tensor.detach().copy_(from[i].tensor.detach());
      }
    }
  }
  second->state_changed();
  EXPECT_TRUE(equal_bits(evaluated(*second), evaluated(*first)));
  // Training goes on from it alike.
  at::manual_seed(3);
  const at::Tensor a = first->quantize().detach().clone();
  at::manual_seed(3);
  EXPECT_TRUE(equal_bits(second->quantize().detach(), a));
}

TEST_P(Contract, EvaluationChangesNoState) {
  const auto quantizer = random_start(GetParam());
  train_a_little(*quantizer);
  const std::vector<at::Tensor> before = state(*quantizer);
  (void)evaluated(*quantizer);
  (void)quantizer->export_codes();
  (void)quantizer->codes();
  const std::vector<at::Tensor> after = state(*quantizer);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(before[i], after[i])) << i;
}

TEST_P(Contract, IsDeterministic) {
  const auto run = [&] {
    at::manual_seed(11);
    const auto quantizer = random_start(GetParam());
    train_a_little(*quantizer);
    return evaluated(*quantizer);
  };
  EXPECT_TRUE(equal_bits(run(), run()));
}

class Fused : public ::testing::TestWithParam<ContractCase> {};

TEST_P(Fused, AgreesWithTheComposition) {
  const auto fused = random_start(GetParam());
  ContractCase reference = GetParam();
  reference.impl = "reference";
  const auto composed = random_start(reference);
  for (std::size_t i = 0; i < fused->parameters().size(); ++i) {
    ASSERT_TRUE(equal_bits(fused->parameters()[i].tensor.detach(), composed->parameters()[i].tensor.detach()));
  }
  at::manual_seed(5);
  const at::Tensor q = fused->quantize();
  at::manual_seed(5);
  const at::Tensor expected = composed->quantize();
  EXPECT_TRUE(at::allclose(q, expected, 1e-6, 0)) << (q - expected).abs().max();
  at::manual_seed(6);
  const at::Tensor grad = at::randn(q.sizes());
  q.backward(grad);
  expected.backward(grad);
  if (fused->leaf_update() != nullptr) return;  // its gradients show after a step; compared in denseshift_equality_test
  for (std::size_t i = 0; i < fused->parameters().size(); ++i) {
    const at::Tensor a = fused->parameters()[i].tensor.grad();
    const at::Tensor b = composed->parameters()[i].tensor.grad();
    ASSERT_EQ(a.defined(), b.defined());
    EXPECT_TRUE(at::allclose(a, b, 1e-4, 1e-5)) << fused->parameters()[i].name << " " << (a - b).abs().max();
  }
}

TEST_P(Contract, NotANumberIsRefused) {
  const auto quantizer = random_start(GetParam());
  {
    const at::NoGradGuard no_grad;
    quantizer->parameters().front().tensor.detach().view(-1)[4] = std::numeric_limits<double>::quiet_NaN();
  }
  EXPECT_THROW(quantizer->state_changed(), Error);
}

TEST_P(Contract, ZeroAndDenormalWeightsHaveALevel) {
  auto quantizer = make(GetParam().method, GetParam().bits, kContractShape, GetParam().impl);
  const double tiny = static_cast<double>(std::numeric_limits<float>::denorm_min());
  at::Tensor weight = testing::normal_weight(kContractShape, 0.1, 2);
  weight.view(-1)[0] = 0.0;
  weight.view(-1)[1] = -0.0;
  weight.view(-1)[2] = tiny;
  weight.view(-1)[3] = -tiny;
  if (!quantizer->start_from(weight)) {
    const at::NoGradGuard no_grad;
    for (const quant::NamedTensor& p : quantizer->parameters()) p.tensor.detach().copy_(weight);
    quantizer->state_changed();
  }
  const at::Tensor q = evaluated(*quantizer);
  EXPECT_TRUE(at::isfinite(q).all().item<bool>());
  EXPECT_TRUE(equal_bits(quant::unpack(quantizer->export_codes()), q));
  // All zeros, as a checkpoint that was never filled holds.
  for (const quant::NamedTensor& p : quantizer->parameters()) {
    if (p.tensor.sizes() == at::IntArrayRef(kContractShape)) p.tensor.detach().zero_();
  }
  quantizer->state_changed();
  EXPECT_TRUE(at::isfinite(evaluated(*quantizer)).all().item<bool>());
}

TEST_P(Contract, LinearLayersAndChannelsLastWork) {
  const auto linear = random_start(GetParam(), {7, 12});
  EXPECT_EQ(evaluated(*linear).sizes(), at::IntArrayRef({7, 12}));
  const at::Tensor y = linear->apply_linear(at::ones({2, 12}), at::zeros({7}));
  EXPECT_EQ(y.sizes(), at::IntArrayRef({2, 7}));

  const auto usual = random_start(GetParam());
  const auto last = random_start(GetParam());
  for (const quant::NamedTensor& p : last->parameters()) {
    if (p.tensor.dim() != 4) continue;
    at::Tensor parameter = p.tensor;
    parameter.set_data(parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
  }
  last->state_changed();
  // Sums over a filter take another order, so a scale may differ in its last bit.
  EXPECT_TRUE(at::allclose(evaluated(*last), evaluated(*usual), 1e-6, 0));
  train_a_little(*last, 1);
  EXPECT_TRUE(at::isfinite(evaluated(*last)).all().item<bool>());
}

std::string name_of(const ::testing::TestParamInfo<ContractCase>& info) {
  std::string name = info.param.method + "_" + std::to_string(info.param.bits) + "_" + info.param.impl;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Methods, Contract, ::testing::ValuesIn(cases({"leaf", "function", "reference"})), name_of);
INSTANTIATE_TEST_SUITE_P(Methods, Fused, ::testing::ValuesIn(cases({"leaf", "function"})), name_of);

TEST(Methods, ThatNeedATrainedNetworkStartFromOne) {
  for (const auto& entry : quant::methods().entries()) {
    if (!entry.value.needs_pretrained) continue;
    auto quantizer = make(entry.name, entry.value.default_bits, kContractShape, "function");
    EXPECT_TRUE(quantizer->start_from(testing::normal_weight(kContractShape, 0.1, 2))) << entry.name;
  }
}

TEST(Methods, AreTheOnesOfTheTablesAndTheExtras) {
  const std::vector<std::string> names = quant::methods().names();
  const std::set<std::string> have(names.begin(), names.end());
  for (const char* name : {"fp32", "denseshift", "s3", "deepshift-q", "deepshift-ps", "inq", "ste-pot", "lq-nets",
                           "bwn", "bwhn", "hwgq", "ir-net", "twn", "ttq", "lr-net", "sq-twn", "lsq", "apot"}) {
    EXPECT_TRUE(have.count(name)) << name;
  }
}

TEST(Methods, EveryOptionHasAValidStandard) {
  for (const auto& entry : quant::methods().entries()) {
    for (const quant::MethodOption& option : entry.value.options) {
      const auto parsed = quant::parse_method_options(entry.name, {option.key + "=" + option.standard});
      EXPECT_EQ(parsed.at(option.key), option.standard);
      EXPECT_FALSE(option.help.empty());
    }
    EXPECT_NE(std::find(entry.value.bits.begin(), entry.value.bits.end(), entry.value.default_bits),
              entry.value.bits.end());
  }
}

TEST(Methods, WrongOptionsAreOneClearLine) {
  const auto message = [](const std::string& method, const std::vector<std::string>& items) -> std::string {
    try {
      quant::MethodOptions options =
          testing::method_options(method, quant::methods().get(method).default_bits, "function");
      options.extra = quant::parse_method_options(method, items);
      (void)quant::make_quantizer(kContractShape, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_status(), 2);
      return std::string(error.what()) + " | " + error.hint();
    }
    return "accepted";
  };
  EXPECT_EQ(message("bwn", {"bwn_gard=paper"}), "method_option: bwn has no option 'bwn_gard' | did you mean bwn_grad?");
  EXPECT_EQ(message("twn", {"t=1"}), "method_option: twn has no option 't' | twn has no options");
  EXPECT_NE(message("bwn", {"bwn_grad=authors"}).find("unknown value 'authors'"), std::string::npos);
  EXPECT_NE(message("ttq", {"t=2"}).find("t=2 is no number from 0 to 1"), std::string::npos);
  EXPECT_NE(message("ttq", {"t=x"}).find("t=x is no number"), std::string::npos);
  EXPECT_NE(message("inq", {"portions=0.5,0.4,1"}).find("no ascending list"), std::string::npos);
  EXPECT_NE(message("inq", {"portions=0.5"}).find("does not end with 1"), std::string::npos);
  EXPECT_NE(message("ttq", {"t"}).find("is not KEY=VALUE"), std::string::npos);
  EXPECT_NE(message("ttq", {"t=0.1", "t=0.2"}).find("given twice"), std::string::npos);
}

}  // namespace
}  // namespace denseshift
