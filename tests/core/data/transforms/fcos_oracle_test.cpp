// Sizes of resized and padded pictures against the model oracles.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/data/transforms/fcos.h"

namespace denseshift::data {
namespace {

std::string model_oracles() {
  std::string path;
  if (const char* named = std::getenv("DENSESHIFT_MODEL_ORACLES")) {
    path = named;
  } else if (const char* folder = std::getenv("DENSESHIFT_TEST_DATA")) {
    path = std::string(folder) + "/model_oracles.json";
  }
  return std::ifstream(path) ? path : std::string();
}

TEST(FcosOracle, SizesOfTheTable) {
  if (model_oracles().empty()) {
    GTEST_SKIP() << "no model_oracles.json: set DENSESHIFT_MODEL_ORACLES or DENSESHIFT_TEST_DATA";
  }
  const nlohmann::json table =
      nlohmann::json::parse(std::ifstream(model_oracles())).at("rcnn_transform_sizes_800_1333");
  std::map<std::string, std::size_t> column;
  for (const auto& name : table.at("columns")) column.emplace(name, column.size());
  ASSERT_FALSE(table.at("rows").empty());
  const auto transform = make_fcos_transform(800, 1333);
  for (const auto& row : table.at("rows")) {
    const auto number = [&](const char* name) { return row.at(column.at(name)).get<std::int64_t>(); };
    AnnotatedImage picture;
    picture.image.resize(number("w"), number("h"));
    RandomStream random(1);
    Sample sample;
    transform->apply(picture, false, random, sample);
    EXPECT_EQ(sample.info.height, number("resized_h")) << row;
    EXPECT_EQ(sample.info.width, number("resized_w")) << row;
    const std::int64_t multiple = transform->pad_multiple();
    EXPECT_EQ((sample.info.height + multiple - 1) / multiple * multiple, number("padded_h")) << row;
    EXPECT_EQ((sample.info.width + multiple - 1) / multiple * multiple, number("padded_w")) << row;
  }
}

}  // namespace
}  // namespace denseshift::data
