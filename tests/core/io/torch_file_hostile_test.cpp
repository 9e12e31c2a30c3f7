// Files that lie. Whatever they hold, TorchFile gives an input error that names the file, executes nothing and spends
// no more than a small multiple of their size.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "core/io/torch_container.h"
#include "core/io/torch_file.h"
#include "core/io/torch_tensors.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "tests/core/io/torch_files.h"
#include "tests/support/run_program.h"

namespace denseshift::io {
namespace {

using denseshift::testing::TemporaryFolder;
using ::testing::HasSubstr;
using namespace testing;  // NOLINT: the instructions of a pickle

/// Every tensor's bytes, so that a sanitizer sees each of them touched.
std::size_t sum(const std::map<std::string, TensorView>& tensors) {
  std::size_t result = 0;
  for (const auto& [name, view] : tensors) {
    std::size_t size = dtype_size(view.dtype);
    for (const std::int64_t dimension : view.shape) size *= static_cast<std::size_t>(dimension);
    const auto* bytes = static_cast<const unsigned char*>(view.data);
    for (std::size_t k = 0; k < size; ++k) result += bytes[k];
  }
  return result;
}

/// Whether `content` is accepted, without a file: for many contents. Anything but an input error fails the test.
bool accepted(const std::string& content) {
  const std::vector<char> exact(content.begin(), content.end());  // a sanitizer sees its end
  try {
    const TorchContent opened = open_torch_content({exact.data(), exact.size()}, "memory");
    (void)sum(flatten_torch(opened, 4 * exact.size() + (1U << 20), "memory").tensors);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), ::testing::StartsWith("memory"));
    return false;
  }
}

/// Reads `content`: the message of the input error, or nothing when it is accepted.
std::string outcome(const TemporaryFolder& folder, const std::string& content) {
  const std::string path = folder.write("hostile", content);
  try {
    TorchFile file(path);
    (void)sum(file.tensors());
    file.normalise_names();
    (void)sum(file.tensors());
    return {};
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(message, HasSubstr(path));
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), path.size() + 600);
    return message;
  }
}

std::string hostile_refusal(const std::string& content) {
  const TemporaryFolder folder;
  std::string message = outcome(folder, content);
  EXPECT_FALSE(message.empty()) << "accepted";
  return message;
}

std::string stored(const std::string& name) { return read_file(DENSESHIFT_TEST_SOURCE_DIR "/data/torch/" + name); }

/// A file of one float tensor "t" whose storage has six elements.
std::string one(std::int64_t offset, const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
  return torch_zip(dictionary(text("t") + tensor(storage("0", 6), offset, shape, strides)), {std::string(24, 'x')});
}

std::string repeat(const std::string& part, std::size_t count) {
  std::string result;
  for (std::size_t k = 0; k < count; ++k) result += part;
  return result;
}

TEST(HostileTorchFile, TruncationsAtEveryLength) {
  for (const char* name : {"ordered.pth", "legacy_old.pth"}) {
    const std::string content = stored(name);
    EXPECT_TRUE(accepted(content));
    for (std::size_t size = 0; size < content.size(); ++size) {
      ASSERT_FALSE(accepted(content.substr(0, size))) << name << " cut to " << size;
    }
  }
}

TEST(HostileTorchFile, EveryByteFlippedEitherLoadsOrIsRefused) {
  const TemporaryFolder folder;
  for (const char* name :
       {"ordered.pth", "types.pth", "protocol4.pth", "legacy_old.pth", "legacy_types.pth", "legacy_checkpoint.pth"}) {
    std::string content = stored(name);
    for (std::size_t k = 0; k < content.size(); ++k) {
      for (const int flip : {0xFF, 0x01, 0x80}) {
        const char before = content[k];
        content[k] = static_cast<char>(static_cast<unsigned char>(before) ^ flip);
        (void)accepted(content);
        content[k] = before;
      }
    }
  }
}

/// A flipped byte of data.pkl never reaches the machine of an archive because of its checksum, so flip it before.
TEST(HostileTorchFile, EveryByteOfAPickleReplacedUnderARightChecksum) {
  const std::string pickle =
      dictionary(text("a") + tensor(storage("0", 6), 1, {2, 2}, {1, 2}) + text("b") + "}(" + text("c") +
                 tensor(storage("1", 2, "HalfStorage"), 0, {2}, {1}) + "uq\x01" + text("d") +
                 "(h\x01"
                 "K\x02lt");
  std::size_t count = 0;
  for (std::size_t k = 0; k < pickle.size(); ++k) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = pickle;
      changed[k] = static_cast<char>(value);
      if (accepted(torch_zip(changed, {std::string(24, 'x'), "abcd"}))) ++count;
    }
  }
  EXPECT_LT(count, pickle.size() * 128);
}

TEST(HostileTorchFile, ShapesStridesAndOffsets) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  const TemporaryFolder folder;
  EXPECT_EQ(outcome(folder, one(0, {2, 3}, {3, 1})), "");
  EXPECT_EQ(outcome(folder, one(5, {1, 1}, {kLargest, kLargest})), "") << "strides of one element do not matter";
  EXPECT_EQ(outcome(folder, one(1, {1, 2, 1}, {kLargest, 4, kLargest})), "");
  EXPECT_EQ(outcome(folder, one(kLargest, {0}, {kLargest})), "") << "no element, no place";
  EXPECT_THAT(hostile_refusal(one(0, {7}, {1})), HasSubstr("outside its storage"));
  EXPECT_THAT(hostile_refusal(one(1, {2, 3}, {3, 1})), HasSubstr("outside its storage"));
  EXPECT_THAT(hostile_refusal(one(0, {2, 3}, {4, 1})), HasSubstr("outside its storage"));
  EXPECT_THAT(hostile_refusal(one(6, {}, {})), HasSubstr("outside its storage"));
  EXPECT_THAT(hostile_refusal(one(kLargest, {2}, {1})), HasSubstr("strides are too large"));
  EXPECT_THAT(hostile_refusal(one(0, {3}, {kHuge})), HasSubstr("strides are too large"));
  EXPECT_THAT(hostile_refusal(one(0, {2, 2, 2}, {kHuge, kHuge, 1})), HasSubstr("strides are too large"));
  EXPECT_THAT(hostile_refusal(one(-1, {1}, {1})), HasSubstr("offset"));
  EXPECT_THAT(hostile_refusal(one(0, {-1}, {1})), HasSubstr("shape"));
  EXPECT_THAT(hostile_refusal(one(1, {2}, {-1})), HasSubstr("strides"));
  EXPECT_THAT(hostile_refusal(one(0, {2, 3}, {1})), HasSubstr("strides"));
  EXPECT_THAT(hostile_refusal(one(0, {kHuge, kHuge}, {0, 0})), HasSubstr("too large"));
  EXPECT_THAT(hostile_refusal(one(0, {kHuge, kHuge, 0}, {0, 0, 0})), HasSubstr("too large"));
  EXPECT_THAT(hostile_refusal(one(0, {kHuge / 4}, {0})), HasSubstr("several times its size"));
  EXPECT_THAT(hostile_refusal(one(0, std::vector<std::int64_t>(33, 1), std::vector<std::int64_t>(33, 1))),
              HasSubstr("33 dimensions"));
}

TEST(HostileTorchFile, Storages) {
  const auto file = [](const std::string& storage_code, const std::string& data) {
    return torch_zip(dictionary(text("t") + tensor(storage_code, 0, {1}, {1})), {data});
  };
  EXPECT_THAT(hostile_refusal(file(storage("0", 2), "1234")), HasSubstr("another size"));
  EXPECT_THAT(hostile_refusal(file(storage("0", 1), "12345678")), HasSubstr("another size"));
  EXPECT_THAT(hostile_refusal(file(storage("0", std::numeric_limits<std::int64_t>::max()), "1234")),
              HasSubstr("another size"));
  EXPECT_THAT(hostile_refusal(file(storage("0", std::int64_t{1} << 62), "")), HasSubstr("another size"));
  EXPECT_THAT(hostile_refusal(file(storage("0", -1), "1234")), HasSubstr("no size"));
  EXPECT_THAT(hostile_refusal(file(storage("7", 1), "1234")), HasSubstr("no entry 'archive/data/7'"));
  EXPECT_THAT(hostile_refusal(file(storage("../../etc/passwd", 1), "1234")), HasSubstr("no entry"));
  EXPECT_THAT(hostile_refusal(file(storage("0", 1, "ComplexFloatStorage"), "1234")), HasSubstr("not allowed"));
  EXPECT_THAT(
      hostile_refusal(file("(" + text("module") + "ctorch\nFloatStorage\n" + text("0") + text("x") + "NtQ", "1234")),
      HasSubstr("persistent id"));
  EXPECT_THAT(hostile_refusal(torch_zip(dictionary(text("t") + tensor(storage("0", 1), 0, {1}, {1}) + text("u") +
                                                   tensor(storage("0", 2, "HalfStorage"), 0, {1}, {1})),
                                        {"1234"})),
              HasSubstr("two types"));
}

TEST(HostileTorchFile, GlobalsAreNeverCalled) {
  const TemporaryFolder folder;
  const std::string marker = folder.file("executed");
  const std::string command = text("touch " + marker);
  for (const std::string& pickle : {"\x80\x02"
                                    "cos\nsystem\n" +
                                        command + "\x85R.",
                                    "\x80\x02"
                                    "cposix\nsystem\n(" +
                                        command + "tR.",
                                    "\x80\x04" + text("os") + text("system") + "\x93" + command + "\x85R.",
                                    "\x80\x02"
                                    "cbuiltins\neval\n" +
                                        command + "\x85R.",
                                    dictionary(text("t") + "cos\nsystem\n" + command + "\x85R"),
                                    "\x80\x02"
                                    "ctorch.storage\n_load_from_bytes\n" +
                                        command + "\x85R.",
                                    "\x80\x02"
                                    "ctorch\n_utils._rebuild_tensor_v2.__globals__\n" +
                                        command + "\x85R."}) {
    EXPECT_THAT(hostile_refusal(torch_zip(pickle)), HasSubstr("is not allowed"));
  }
  EXPECT_THAT(hostile_refusal(torch_zip("\x80\x02"
                                        "cos\nsystem\n.")),
              HasSubstr("archive/data.pkl: global 'os.system' is not allowed"));
  EXPECT_FALSE(std::filesystem::exists(marker));
  // Instructions that call or look up by other ways: INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, BYTEARRAY8.
  for (const std::string code : {"(ios\nsystem\n", "(ccollections\nOrderedDict\no", "ccollections\nOrderedDict\n)\x81",
                                 "ccollections\nOrderedDict\n)}\x92", "\x82\x01", "P0\n", "\x96"}) {
    EXPECT_THAT(hostile_refusal(torch_zip("\x80\x02" + code + ".")), HasSubstr("is not allowed"));
  }
}

TEST(HostileTorchFile, WrongPickles) {
  using namespace std::string_literals;
  for (const std::string& code : {""s,
                                  "\x80"s,
                                  "\x80\x02"s,
                                  "\x80\x02."s,
                                  "\x80\x05}."s,
                                  "\x80\x01}."s,
                                  "\x80\x02}}."s,
                                  "\x80\x02(}."s,
                                  "\x80\x02t."s,
                                  "\x80\x02\x85."s,
                                  "\x80\x02}N."s,
                                  "\x80\x02}Ns."s,
                                  "\x80\x02}(Nu."s,
                                  "\x80\x02]N]s."s,
                                  "\x80\x02)Na."s,

                                  "\x80\x02}01."s,

                                  "\x80\x02h\0."s,
                                  "\x80\x02q\0."s,
                                  "\x80\x02X\xFF\xFF\xFF\xFF."s,
                                  "\x80\x02\x8d\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF."s,
                                  "\x80\x02\x8b\xFF\xFF\xFF\xFF."s,
                                  "\x80\x04\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF}."s,
                                  "\x80\x02)R."s,
                                  "\x80\x02NNR."s,
                                  "\x80\x02}}R."s,
                                  "\x80\x02}Nb."s,
                                  "\x80\x02NNb."s,
                                  "\x80\x02NQ."s,
                                  "\x80\x02"
                                  "c"s +
                                      std::string(5000, 'x'),
                                  "\x80\x02"
                                  "ctorch\nSize\nN\x85R."s,
                                  "\x80\x02"
                                  "ctorch\nSize\n)R."s,
                                  "\x80\x02"
                                  "ctorch\nFloatStorage\n)R."s,
                                  "\x80\x02"
                                  "ctorch._utils\n_rebuild_tensor_v2\n)R."s,
                                  "\x80\x02"
                                  "ctorch._utils\n_rebuild_parameter\n)R."s,
                                  "\x80\x02"
                                  "ccollections\nOrderedDict\nN\x85R."s,
                                  "\x80\x02"
                                  "ccollections\nOrderedDict\n]Na\x85R."s,
                                  "\x80\x02\x93."s,
                                  "\x80\x02NN\x93."s,
                                  "\x80\x02}.."s,
                                  "\x80\x02}\xFF."s,
                                  "\x80\x02}q\0h\x01."s}) {
    EXPECT_FALSE(hostile_refusal(torch_zip(code)).empty()) << code;
  }
  const TemporaryFolder folder;
  for (const char* code : {"\x80\x02}(0N0.", "\x80\x02}(N1.", "\x80\x02\x80\x03}."})
    EXPECT_EQ(outcome(folder, torch_zip(code)), "");
  EXPECT_THAT(hostile_refusal(torch_zip("\x80\x02}.tail")), HasSubstr("bytes after its end"));
}

TEST(HostileTorchFile, DictionariesThatHoldThemselves) {
  const TemporaryFolder folder;
  const std::string self = "\x80\x02}q\x01(" + text("a") + "h\x01" + "u.";
  EXPECT_THAT(hostile_refusal(torch_zip(self)), HasSubstr("holds itself"));
  std::string twice = "\x80\x02}q\x01(";
  for (int k = 0; k < 50; ++k) twice += text(std::to_string(k)) + "h\x01";
  EXPECT_THAT(hostile_refusal(torch_zip(twice + "u.")),
              ::testing::AnyOf(HasSubstr("holds itself"), HasSubstr("several times")));
  // d0 = {}; d1 = {a: d0, b: d0}; d2 = {a: d1, b: d1}; ...: two to the power of 60 paths.
  std::string stacked = "\x80\x02(}q" + number(0, 1);
  for (std::uint64_t k = 0; k < 60; ++k) {
    stacked += "}(" + text("a") + "h" + number(k, 1) + text("b") + "h" + number(k, 1) + "uq" + number(k + 1, 1);
  }
  EXPECT_THAT(hostile_refusal(torch_zip(stacked + "1h" + number(60, 1) + ".")), HasSubstr("several times its size"));
  // A list that holds itself and one that holds a tuple that holds it are values like others: skipped.
  const std::string lists = text("a") + "]q\x01h\x01" + "a" + text("b") + "]q\x02(h\x02ta" + text("c") + "h\x02";
  EXPECT_EQ(outcome(folder, torch_zip(dictionary(lists))), "");
}

TEST(HostileTorchFile, DeepNesting) {
  const TemporaryFolder folder;
  EXPECT_THAT(hostile_refusal(torch_zip("\x80\x02" + repeat("(", 100'000))), HasSubstr("nested too deeply"));
  // One tuple in another, 200 000 times: no recursion, neither in reading nor at the end.
  EXPECT_EQ(outcome(folder, torch_zip(dictionary(text("a") + ")" + repeat("\x85", 200'000)))), "");
  EXPECT_EQ(outcome(folder, torch_zip(dictionary(text("a") + repeat("]", 200'000) + repeat("a", 199'999)))), "");
  EXPECT_THAT(hostile_refusal(torch_zip("\x80\x02" + repeat("}" + text("a"), 100) + "}" + repeat("s", 100) + ".")),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(hostile_refusal(torch_zip("\x80\x02" + repeat("N", 2'000'000) + ".")),
              HasSubstr("more than 1048576 values"));
}

TEST(HostileTorchFile, GrowthThroughSharedValues) {
  // A list of 3000 pairs that becomes a dictionary 3000 times.
  std::string pickle =
      "\x80\x02]q\x01(" + ("NN\x86q\x02" + repeat("h\x02", 3000)) + "e0ccollections\nOrderedDict\nq\x03(";
  pickle += repeat("h\x03h\x01\x85R", 3000) + "l.";
  EXPECT_THAT(hostile_refusal(torch_zip(pickle)), HasSubstr("larger than the file"));
  // One tensor that is not contiguous, under many names.
  const std::string data(400'000, 'x');
  std::string shared = text("first") + tensor(storage("0", 100'000), 0, {2, 50'000}, {1, 2}) + "q\x01";
  for (int k = 0; k < 100; ++k) shared += text(std::to_string(k)) + "h\x01";
  EXPECT_THAT(hostile_refusal(torch_zip(dictionary(shared), {data})), HasSubstr("several times its size"));
  EXPECT_THAT(hostile_refusal(torch_zip(dictionary(text(std::string(5000, 'n')) + "N"))),
              HasSubstr("longer than 4096"));
}

TEST(HostileTorchFile, NamesThatCollideOrAreNotText) {
  const TemporaryFolder folder;
  const std::string t = tensor(storage("0", 1), 0, {1}, {1});
  const auto file = [](const std::string& items) { return torch_zip(dictionary(items), {"1234"}); };
  EXPECT_THAT(hostile_refusal(file(text("a") + t + text("a") + t)), HasSubstr("two tensors called 'a'"));
  EXPECT_THAT(hostile_refusal(file(text("a.b") + t + text("a") + "}" + text("b") + t + "s")), HasSubstr("two tensors"));
  const TorchFile read(folder.write("keys", file("N" + t + "K\x05" + t + text("x") + "}" + ")" + t + "s")));
  EXPECT_EQ(read.tensors().size(), 1U);
  EXPECT_EQ(read.tensors().count("5"), 1U);
  EXPECT_THAT(read.skipped(), ::testing::ElementsAre("? (its key is None)", "x.? (its key is a tuple)"));
  EXPECT_THAT(hostile_refusal(file(text("a\nb") + t + text("a\nb") + t)), HasSubstr("'a?b'"));
}

TEST(HostileTorchFile, MetadataAndState) {
  const TemporaryFolder folder;
  const std::string head = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage("0", 1) + "K" + number(0, 1) + "))\x89N";
  const auto file = [](const std::string& value) { return torch_zip(dictionary(text("a") + value), {"1234"}); };
  EXPECT_EQ(outcome(folder, file(head + "}tR")), "");
  EXPECT_THAT(hostile_refusal(file(head + "}" + text("conj") + "\x88stR")), HasSubstr("metadata"));
  EXPECT_EQ(outcome(folder, file(head + "tR(\x88\x89Ntb")), "");
  EXPECT_THAT(hostile_refusal(file(head + "tR(NNNNNtb")), HasSubstr("state"));
}

TEST(HostileTorchFile, ByteOrder) {
  const TemporaryFolder folder;
  const auto file = [](const std::string& order) {
    return zip({{"archive/data.pkl", "\x80\x02}."}, {"archive/byteorder", order}});
  };
  EXPECT_EQ(outcome(folder, file("little")), "");
  EXPECT_THAT(hostile_refusal(file("big")), HasSubstr("big-endian"));
  EXPECT_THAT(hostile_refusal(file("middle")), HasSubstr("byte order"));
  std::string legacy = stored("legacy_old.pth");
  const std::size_t at = legacy.find("little_endian") + std::string("little_endian").size();
  ASSERT_EQ(legacy[at + 2], '\x88');
  legacy[at + 2] = '\x89';
  EXPECT_THAT(hostile_refusal(legacy), HasSubstr("big-endian"));
}

}  // namespace
}  // namespace denseshift::io
