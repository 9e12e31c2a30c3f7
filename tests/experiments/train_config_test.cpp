#include "experiments/config/train_config.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <type_traits>

#include "core/util/error.h"

namespace denseshift::experiments {
namespace {

using ::testing::HasSubstr;

Error error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorKind::work, "no error"};
}

// A value other than the default for every key, whatever its type.
template <class T>
T other_value(const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    return !value;
  else if constexpr (std::is_same_v<T, std::string>)
    return value + "x";
  else if constexpr (std::is_arithmetic_v<T>)
    return value + T{1};
  else if constexpr (std::is_same_v<T, std::vector<double>>)
    return {1.5, 2};
  else
    return {"first=1", "second=2"};
}

template <class T>
std::string as_flag(const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    return value ? "true" : "false";
  else if constexpr (std::is_same_v<T, std::string>)
    return value;
  else if constexpr (std::is_arithmetic_v<T>)
    return nlohmann::json(value).dump();
  else if constexpr (std::is_same_v<T, std::vector<double>>)
    return "1.5,2";
  else
    return "first=1,second=2";
}

TrainConfig all_changed() {
  TrainConfig config;
  visit_fields(config, [](const char*, auto& member, FieldGroup, const char*) { member = other_value(member); });
  return config;
}

TEST(TrainConfig, AMethodOptionMayBeAList) {
  TrainConfig config;
  set_field(config, "method_option", "tie=up,portions=0.3,0.6,1,x=y");
  EXPECT_EQ(config.method_option, (std::vector<std::string>{"tie=up", "portions=0.3,0.6,1", "x=y"}));
}

TEST(TrainConfig, EveryKeyIsNamedOnceAndExplained) {
  std::vector<std::string> keys = config_keys();
  EXPECT_THAT(keys, ::testing::IsSupersetOf({"arch", "wbits", "abits", "lr", "seed", "device", "note"}));
  const TrainConfig config;
  visit_fields(config, [](const char* key, const auto&, FieldGroup, const char* help) {
    EXPECT_GT(std::string(help).size(), 5U) << key;
  });
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(TrainConfig, JsonRoundTripKeepsEveryKey) {
  const TrainConfig changed = all_changed();
  EXPECT_FALSE(changed == TrainConfig{});
  const auto json = to_json(changed);
  EXPECT_EQ(json.size(), config_keys().size());
  EXPECT_EQ(config_from_json(nlohmann::json::parse(json.dump())), changed);
}

TEST(TrainConfig, EveryKeyParsesFromAFlag) {
  TrainConfig parsed;
  const TrainConfig changed = all_changed();
  visit_fields(changed, [&](const char* key, const auto& value, FieldGroup, const char*) {
    set_field(parsed, key, as_flag(value));
  });
  EXPECT_EQ(parsed, changed);
}

TEST(TrainConfig, PartialJsonKeepsTheRest) {
  TrainConfig base;
  base.lr = 0.3;
  const TrainConfig config = config_from_json({{"wbits", 2}}, base);
  EXPECT_EQ(config.wbits, 2);
  EXPECT_EQ(config.lr, 0.3);
}

TEST(TrainConfig, UnknownKeysGetTheNearestName) {
  const Error json = error_of([] { (void)config_from_json({{"weight_dacay", 1e-4}}); });
  EXPECT_EQ(json.exit_status(), 2);
  EXPECT_STREQ(json.what(), "weight_dacay: unknown configuration key");
  EXPECT_EQ(json.hint(), "did you mean weight_decay?");
  TrainConfig config;
  EXPECT_EQ(error_of([&] { set_field(config, "epocs", "3"); }).hint(), "did you mean epochs?");
}

TEST(TrainConfig, WrongJsonTypesAreRefusedByKey) {
  const std::vector<std::pair<std::string, nlohmann::json>> wrong = {
      {"wbits", "3"},       {"wbits", 2.5},
      {"wbits", true},      {"wbits", 18446744073709551615U},
      {"lr", "0.1"},        {"lr", nullptr},
      {"lr", false},        {"nesterov", 1},
      {"nesterov", "true"}, {"arch", 18},
      {"arch", nullptr},    {"seed", -1},
      {"milestones", 3},    {"milestones", {1, "2"}},
      {"tag", "one"},       {"tag", {"one", 2}},
      {"epochs", {5}}};
  for (const auto& [key, value] : wrong) {
    const Error error = error_of([&key = key, &value = value] { (void)config_from_json({{key, value}}); });
    EXPECT_EQ(error.exit_status(), 2) << key << value;
    EXPECT_THAT(error.what(), HasSubstr(key + ": expected")) << value;
  }
  EXPECT_EQ(error_of([] { (void)config_from_json(nlohmann::json::array()); }).exit_status(), 2);
}

TEST(TrainConfig, WrongFlagsAreRefusedByKey) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"wbits", ""},   {"wbits", "3x"},      {"wbits", "0x3"},     {"wbits", "99999999999999999999"},
      {"wbits", " 3"}, {"lr", "nan"},        {"lr", "inf"},        {"lr", "1e999"},
      {"lr", "0,1"},   {"nesterov", "2"},    {"nesterov", "TRUE"}, {"seed", "-1"},
      {"lr", "0.1.2"}, {"milestones", "1,"}, {"milestones", "a"}};
  for (const auto& [key, text] : wrong) {
    TrainConfig config;
    const Error error = error_of([&, &key = key, &text = text] { set_field(config, key, text); });
    EXPECT_EQ(error.exit_status(), 2) << key << "=" << text;
    EXPECT_THAT(error.what(), HasSubstr(key + ": expected")) << text;
  }
}

TEST(TrainConfig, DefaultsAreValid) { EXPECT_NO_THROW(validate(TrainConfig{})); }

TEST(TrainConfig, ValuesOutOfRangeAreRefusedByKey) {
  const std::vector<std::pair<std::string, std::string>> wrong = {{"wbits", "0"},
                                                                  {"wbits", "33"},
                                                                  {"abits", "1"},
                                                                  {"epochs", "0"},
                                                                  {"batch_size", "0"},
                                                                  {"batch_size", "-3"},
                                                                  {"lr", "0"},
                                                                  {"lr", "-0.1"},
                                                                  {"momentum", "1.1"},
                                                                  {"label_smoothing", "1"},
                                                                  {"ema", "1"},
                                                                  {"accumulate", "0"},
                                                                  {"warmup_epochs", "6"},
                                                                  {"lr_gamma", "0"},
                                                                  {"threads", "-1"},
                                                                  {"limit_train", "-1"},
                                                                  {"init", "lvx"},
                                                                  {"gradient", "full"},
                                                                  {"schedule", "cos"},
                                                                  {"optimizer", "adam"},
                                                                  {"amp", "fp16"},
                                                                  {"device", "gpu"},
                                                                  {"impl", "fast"},
                                                                  {"placement", "most"},
                                                                  {"broken_images", "ignore"},
                                                                  {"lr_offset", "none"},
                                                                  {"milestones", "-1"},
                                                                  {"stats_levels", "1"},
                                                                  {"stats_levels", "5"},
                                                                  {"trace_weights", "-1"},
                                                                  {"trace_every", "-1"},
                                                                  {"log", "metrics.txt"},
                                                                  {"log", "csv"}};
  for (const auto& [key, text] : wrong) {
    TrainConfig config;
    set_field(config, key, text);
    const Error error = error_of([&] { validate(config); });
    EXPECT_EQ(error.exit_status(), 2) << key << "=" << text;
    EXPECT_THAT(error.what(), ::testing::StartsWith(key + ": ")) << text;
  }
  TrainConfig config;
  config.nesterov = true;
  config.momentum = 0;
  EXPECT_THAT(error_of([&] { validate(config); }).what(), HasSubstr("nesterov"));
}

TEST(ConfigHash, DependsOnWhatDecidesTheResultAndOnNothingElse) {
  const std::string base = config_hash(TrainConfig{});
  EXPECT_EQ(base.size(), 16U);
  TrainConfig config;
  visit_fields(config, [&](const char* key, auto& member, FieldGroup group, const char*) {
    const auto saved = member;
    member = other_value(member);
    // The task follows from architecture and dataset, which are in the hash.
    const bool follows = std::string(key) == "task";
    if (follows || group == FieldGroup::environment || group == FieldGroup::record) {
      EXPECT_EQ(config_hash(config), base) << key;
    } else {
      EXPECT_NE(config_hash(config), base) << key;
    }
    member = saved;
  });
  EXPECT_EQ(config_hash(config), base);
}

TEST(ConfigHash, IsWhatItWasBeforeTheKeysOfOtherTasks) {
  // Databases in use hold this hash of the defaults (the resolved configuration of a classifier keeps its own too).
  TrainConfig config;
  EXPECT_EQ(config_hash(config), "754362ee9971b5c7");
  config.task = "classification";
  EXPECT_EQ(config_hash(config), "754362ee9971b5c7");
}

TEST(ConfigHash, DoesNotDependOnTheOrderOfKeys) {
  const auto a = nlohmann::json::parse(R"({"wbits": 2, "lr": 0.1, "tag": ["x"]})");
  const auto b = nlohmann::json::parse(R"({"tag": [], "lr": 0.1, "wbits": 2})");
  EXPECT_EQ(config_hash(config_from_json(a)), config_hash(config_from_json(b)));
}

}  // namespace
}  // namespace denseshift::experiments
