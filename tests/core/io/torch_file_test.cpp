// State dictionaries of real PyTorch. tests/data/torch comes from scripts/make_torch_fixtures.py; expected.json holds
// what torch.load found in each file.

#include "core/io/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "tests/core/io/safetensors_files.h"
#include "tests/core/io/torch_files.h"
#include "tests/support/run_program.h"

namespace denseshift::io {
namespace {

using denseshift::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using testing::values;

std::string fixture(const std::string& name) { return DENSESHIFT_TEST_SOURCE_DIR "/data/torch/" + name; }

std::string hex(const TensorView& view) {
  std::size_t size = dtype_size(view.dtype);
  for (const std::int64_t dimension : view.shape) size *= static_cast<std::size_t>(dimension);
  std::string result;
  for (const std::uint8_t byte : values<std::uint8_t>(view, size)) {
    result += "0123456789abcdef"[byte >> 4];
    result += "0123456789abcdef"[byte & 15];
  }
  return result;
}

std::vector<std::string> names(const TorchFile& file) {
  std::vector<std::string> result;
  for (const auto& [name, view] : file.tensors()) result.push_back(name);
  return result;
}

Error refusal(const std::string& path) {
  try {
    const TorchFile file(path);
  } catch (const Error& error) {
    return error;
  }
  return work_error("accepted");
}

TEST(TorchFile, EveryTensorOfEveryFixtureIsWhatTorchLoads) {
  const auto expected = nlohmann::json::parse(read_file(fixture("expected.json")));
  EXPECT_EQ(expected.size(), 8U);
  for (const auto& [name, tensors] : expected.items()) {
    SCOPED_TRACE(name);
    const TorchFile file(fixture(name));
    EXPECT_EQ(file.format(), name.starts_with("legacy") ? TorchFormat::legacy : TorchFormat::zip);
    EXPECT_EQ(file.tensors().size(), tensors.size());
    for (const auto& [tensor, values] : tensors.items()) {
      const TensorView& view = file.at(tensor);
      EXPECT_EQ(view.name, tensor);
      EXPECT_EQ(view.dtype, values["dtype"]) << tensor;
      EXPECT_EQ(view.shape, values["shape"].get<std::vector<std::int64_t>>()) << tensor;
      EXPECT_EQ(hex(view), values["hex"]) << tensor;
    }
  }
}

TEST(TorchFile, TypesAndViews) {
  for (const char* name : {"types.pth", "legacy_types.pth", "protocol4.pth"}) {
    const TorchFile file(fixture(name));
    EXPECT_THAT(file.at("scalar").shape, IsEmpty());
    EXPECT_EQ(values<float>(file.at("scalar"), 1)[0], 2.5F);
    EXPECT_THAT(file.at("empty").shape, ElementsAre(0, 4));
    EXPECT_THAT(values<std::uint16_t>(file.at("bf16"), 2), ElementsAre(0x3FC0, 0xC040));
    EXPECT_THAT(file.at("shared.transposed").shape, ElementsAre(6, 4));
    // The matrix holds k / 8 - 1 in row-major order.
    EXPECT_THAT(values<float>(file.at("shared.transposed"), 5), ElementsAre(-1.0F, -0.25F, 0.5F, 1.25F, -0.875F));
    EXPECT_THAT(values<float>(file.at("shared.last_row"), 2), ElementsAre(1.25F, 1.375F));
    EXPECT_THAT(values<float>(file.at("repeated"), 6), ElementsAre(3, 3, 3, 4, 4, 4));
    EXPECT_THAT(values<std::int16_t>(file.at("channels_last"), 3), ElementsAre(0, 1, 2));
    EXPECT_THAT(file.skipped(), IsEmpty());
  }
}

TEST(TorchFile, NamesOfACheckpointAreFlattened) {
  for (const char* name : {"checkpoint.pth", "legacy_checkpoint.pth"}) {
    TorchFile file(fixture(name));
    EXPECT_THAT(names(file), ::testing::IsSupersetOf({"state_dict.module.0.weight", "state_dict.module.1.running_var",
                                                      "optimizer.state.0.momentum_buffer"}));
    EXPECT_THAT(file.skipped(),
                UnorderedElementsAre("epoch (a number)", "arch (a text)", "best (a number)", "none (None)",
                                     "done (a truth value)", "size (a tuple)", "optimizer.param_groups (a list)",
                                     "losses (a list)", "seed (a number)"));
    const TorchNames done = file.normalise_names();
    EXPECT_EQ(done.taken, "state_dict");
    EXPECT_TRUE(done.module_prefix);
    EXPECT_EQ(done.left_out.size(), 5U);
    EXPECT_THAT(done.left_out, ::testing::Each(::testing::StartsWith("optimizer.state.")));
    EXPECT_THAT(names(file), ElementsAre("0.weight", "1.bias", "1.num_batches_tracked", "1.running_mean",
                                         "1.running_var", "1.weight", "2.bias", "2.weight"));
    EXPECT_EQ(file.at("1.weight").name, "1.weight");
    const TorchNames again = file.normalise_names();
    EXPECT_EQ(again.taken, "");
    EXPECT_FALSE(again.module_prefix);
    EXPECT_THAT(again.left_out, IsEmpty());
  }
}

TEST(TorchFile, PlainStateDictionariesKeepTheirNames) {
  TorchFile file(fixture("ordered.pth"));
  const auto before = names(file);
  const TorchNames done = file.normalise_names();
  EXPECT_EQ(done.taken, "");
  EXPECT_FALSE(done.module_prefix);
  EXPECT_EQ(names(file), before);
  EXPECT_THAT(values<std::int64_t>(file.at("1.num_batches_tracked"), 1), ElementsAre(1));
  // A layer called "model" is not a wrapper, and "module." is stripped from all names or from none.
  const TemporaryFolder folder;
  const std::string tensor = testing::tensor(testing::storage("0", 2), 0, {2}, {1});
  const std::string zip = testing::torch_zip(
      testing::dictionary(testing::text("model.a") + tensor + testing::text("module.b") + tensor), {"12345678"});
  TorchFile mixed(folder.write("mixed.pth", zip));
  EXPECT_EQ(mixed.normalise_names().taken, "");
  EXPECT_THAT(names(mixed), ElementsAre("model.a", "module.b"));
}

TEST(TorchFile, TheFirstWrapperThatHoldsTensorsIsTaken) {
  using testing::dictionary, testing::text;
  const TemporaryFolder folder;
  const std::string tensor = testing::tensor(testing::storage("0", 2), 0, {2}, {1});
  const std::string inner = "}" + text("w") + tensor + "s";
  const std::string zip = testing::torch_zip(
      dictionary(text("net") + inner + text("state_dict") + "}" + text("model") + inner), {"12345678"});
  TorchFile file(folder.write("a.pth", zip));
  const TorchNames done = file.normalise_names();
  EXPECT_EQ(done.taken, "model");
  EXPECT_THAT(done.left_out, ElementsAre("net.w"));
  EXPECT_THAT(names(file), ElementsAre("w"));
}

TEST(TorchFile, FilesBeforePyTorch04HaveNoCounters) {
  const TorchFile file(fixture("legacy_old.pth"));
  EXPECT_THAT(names(file),
              ElementsAre("0.weight", "1.bias", "1.running_mean", "1.running_var", "1.weight", "2.bias", "2.weight"));
}

TEST(TorchFile, Python2WritesItsDictionariesAsLists) {
  using testing::text;
  const TemporaryFolder folder;
  const std::string tensor = testing::tensor(testing::storage("0", 2), 0, {2}, {1});
  // OrderedDict([["a", tensor]]), the key as a byte string and the memo counted from 1.
  const std::string pickle =
      "\x80\x02"
      "ccollections\nOrderedDict\nq\x01]q\x02]q\x03(U\x01"
      "a" +
      tensor + "ea\x85Rq\x04.";
  const TorchFile file(folder.write("a.pth", testing::torch_zip(pickle, {"12345678"})));
  EXPECT_THAT(names(file), ElementsAre("a"));
}

TEST(TorchFile, WholeModulesAreRefusedWithAHint) {
  for (const char* name : {"module.pth", "legacy_module.pth"}) {
    const Error error = refusal(fixture(name));
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr(name), HasSubstr("global 'torch.nn.modules.linear.Linear' is not allowed")));
    EXPECT_THAT(error.hint(), HasSubstr("save model.state_dict() instead"));
    EXPECT_EQ(error.kind(), ErrorKind::input);
  }
  EXPECT_THAT(refusal(fixture("module.pth")).what(), HasSubstr("module/data.pkl: global"));
}

TEST(TorchFile, OtherFormatsAreNamed) {
  const TemporaryFolder folder;
  std::string tar(1024, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_THAT(refusal(folder.write("a", tar)).what(), HasSubstr("tar archive"));
  EXPECT_THAT(refusal(folder.write("a", "")).what(), HasSubstr("not a file of torch.save"));
  EXPECT_THAT(refusal(folder.write("a", "\x80\x02}.")).what(), HasSubstr("not a file of torch.save"));
  EXPECT_THAT(refusal(fixture("expected.json")).what(), HasSubstr("not a file of torch.save"));
  EXPECT_THAT(refusal(folder.write("a", testing::zip({{"a/b.txt", "text"}}))).what(),
              HasSubstr("not one of torch.save"));
  EXPECT_THAT(refusal(folder.write("a", testing::zip({{"a/data.pkl", ""}, {"a/constants.pkl", ""}}))).what(),
              HasSubstr("TorchScript"));
  EXPECT_THAT(refusal(folder.write("a", testing::torch_zip("\x80\x02]."))).what(), HasSubstr("holds a list"));
  EXPECT_THAT(refusal(folder.path()).what(), HasSubstr("is a directory"));
  EXPECT_THAT(refusal(folder.file("missing")).what(), HasSubstr("missing"));
}

TEST(TorchFile, AMissingTensorIsNamed) {
  const TorchFile file(fixture("ordered.pth"));
  try {
    (void)file.at("fc.weight");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("ordered.pth"), HasSubstr("fc.weight")));
  }
}

}  // namespace
}  // namespace denseshift::io
