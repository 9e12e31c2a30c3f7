#pragma once
// Reads a file of quantizer vectors: entries {id, method, bits, kind, params, inputs, expected, tolerance} with tensors
// {shape, data}. Tests choose entries by what they hold, so another file of the format serves as well.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace denseshift::testing {

/// Path of the file, or empty when there is none: the variable names it, else it lies in the folder of test data.
inline std::string quantizer_vectors_path() {
  std::string path;
  if (const char* named = std::getenv("DENSESHIFT_QUANTIZER_VECTORS")) {
    path = named;
  } else if (const char* folder = std::getenv("DENSESHIFT_TEST_DATA")) {
    path = std::string(folder) + "/quantizer_vectors.json";
  }
  return std::ifstream(path) ? path : std::string();
}

/// All entries; an empty list when there is no file (tests then skip).
inline nlohmann::json quantizer_vectors() {
  const std::string path = quantizer_vectors_path();
  if (path.empty()) return nlohmann::json::array();
  return nlohmann::json::parse(std::ifstream(path)).at("entries");
}

#define DENSESHIFT_SKIP_WITHOUT_VECTORS()                    \
  if (denseshift::testing::quantizer_vectors_path().empty()) \
  GTEST_SKIP() << "no quantizer_vectors.json: set DENSESHIFT_QUANTIZER_VECTORS or DENSESHIFT_TEST_DATA"

/// Number that may be written as text; "-0.0" keeps its sign in both forms.
inline double number(const nlohmann::json& value) {
  return value.is_string() ? std::strtod(value.get<std::string>().c_str(), nullptr) : value.get<double>();
}

template <class T = float>
std::vector<T> tensor(const nlohmann::json& value) {
  std::vector<T> result;
  for (const nlohmann::json& item : value.at("data")) result.push_back(static_cast<T>(number(item)));
  return result;
}

/// |actual - expected| <= abs + rel*|expected| element by element, with the entry's own tolerance.
template <class T>
void expect_tensor(const nlohmann::json& entry, const std::string& name, const std::vector<T>& actual) {
  const std::vector<double> expected = tensor<double>(entry.at("expected").at(name));
  ASSERT_EQ(actual.size(), expected.size()) << name;
  const double absolute = number(entry.at("tolerance").at("abs"));
  const double relative = number(entry.at("tolerance").at("rel"));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double value = static_cast<double>(actual[i]);
    EXPECT_LE(std::abs(value - expected[i]), absolute + relative * std::abs(expected[i]))
        << entry.at("id") << " " << name << "[" << i << "]: " << value << ", expected " << expected[i];
  }
}

}  // namespace denseshift::testing
