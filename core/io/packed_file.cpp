#include "core/io/packed_file.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/io/safetensors.h"
#include "core/util/error.h"
#include "core/util/hash.h"

namespace denseshift::io {
namespace {

using kernels::PackedMatrix;
using Layers = std::map<std::string, PackedMatrix>;

constexpr const char* kFormat = "denseshift-packed-1";

void check(const std::string& name, const PackedMatrix& matrix) {
  if (matrix.bits < 2 || matrix.bits > 4 || matrix.rows == 0 || matrix.cols == 0 ||
      matrix.scale.size() != matrix.rows || matrix.codes.size() != matrix.rows * matrix.row_bytes()) {
    throw std::invalid_argument("layer " + name + " is not a packed matrix");
  }
}

nlohmann::json shapes_of(const Layers& layers) {
  nlohmann::json shapes = nlohmann::json::object();
  for (const auto& [name, matrix] : layers) {
    shapes[name] = {{"bits", matrix.bits}, {"rows", matrix.rows}, {"cols", matrix.cols}};
  }
  return shapes;
}

std::string checksum(const Layers& layers) {
  Sha256 sum;
  const std::string shapes = shapes_of(layers).dump();
  sum.update(shapes.data(), shapes.size());
  for (const auto& [name, matrix] : layers) {
    sum.update(matrix.codes.data(), matrix.codes.size());
    sum.update(matrix.scale.data(), matrix.scale.size() * sizeof(float));
  }
  return sum.hex();
}

Error broken(const std::filesystem::path& path, const std::string& what) {
  return input_error(path.string() + ": " + what, "export the network again");
}

const std::string& metadata(const SafetensorsFile& file, const std::filesystem::path& path, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) throw broken(path, "not a file of packed weights, it has no " + key);
  return found->second;
}

template <class T>
std::vector<T> elements(const TensorView& tensor, std::size_t n) {
  std::vector<T> values(n);
  std::memcpy(values.data(), tensor.data, n * sizeof(T));
  return values;
}

PackedMatrix read_layer(const SafetensorsFile& file, const std::filesystem::path& path, const std::string& name,
                        const nlohmann::json& shape) {
  // Sizes come from the tensors, which the safetensors reader has compared with the bytes there are.
  const TensorView& codes = file.at(name + ".codes");
  const TensorView& scale = file.at(name + ".scale");
  PackedMatrix matrix;
  const bool numbers = shape.is_object() && shape.value("bits", nlohmann::json()).is_number_unsigned() &&
                       shape.value("rows", nlohmann::json()).is_number_unsigned() &&
                       shape.value("cols", nlohmann::json()).is_number_unsigned();
  if (!numbers) throw broken(path, "layer " + name + " has no bits, rows and cols");
  const auto bits = shape["bits"].get<std::uint64_t>();
  const auto cols = shape["cols"].get<std::uint64_t>();
  if (bits < 2 || bits > 4 || cols == 0 || cols > (1ULL << 40)) {
    throw broken(path,
                 "layer " + name + " has " + std::to_string(bits) + " bits and " + std::to_string(cols) + " columns");
  }
  matrix.bits = static_cast<int>(bits);
  matrix.cols = cols;
  matrix.rows = shape["rows"].get<std::uint64_t>();
  const auto rows = static_cast<std::int64_t>(matrix.rows);
  const std::vector<std::int64_t> code_shape = {rows, static_cast<std::int64_t>(matrix.row_bytes())};
  if (rows <= 0 || codes.dtype != "U8" || codes.shape != code_shape || scale.dtype != "F32" ||
      scale.shape != std::vector<std::int64_t>{rows}) {
    throw broken(path, "the tensors of layer " + name + " have other shapes than its header says");
  }
  matrix.codes = elements<std::uint8_t>(codes, matrix.rows * matrix.row_bytes());
  matrix.scale = elements<float>(scale, matrix.rows);
  return matrix;
}

}  // namespace

void write_packed(const std::filesystem::path& path, const Layers& layers) {
  std::vector<TensorView> tensors;
  for (const auto& [name, matrix] : layers) {
    check(name, matrix);
    const auto rows = static_cast<std::int64_t>(matrix.rows);
    tensors.push_back(
        {name + ".codes", "U8", {rows, static_cast<std::int64_t>(matrix.row_bytes())}, matrix.codes.data()});
    tensors.push_back({name + ".scale", "F32", {rows}, matrix.scale.data()});
  }
  write_safetensors(path, tensors,
                    {{"format", kFormat}, {"layers", shapes_of(layers).dump()}, {"sha256", checksum(layers)}});
}

Layers read_packed(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const std::string& format = metadata(file, path, "format");
  if (format != kFormat) throw broken(path, "its format is not " + std::string(kFormat));
  const nlohmann::json shapes = nlohmann::json::parse(metadata(file, path, "layers"), nullptr, false);
  if (!shapes.is_object()) throw broken(path, "the list of layers is not a JSON object");
  Layers layers;
  for (const auto& [name, shape] : shapes.items()) layers.emplace(name, read_layer(file, path, name, shape));
  if (file.tensors().size() != 2 * layers.size()) throw broken(path, "it has tensors that belong to no layer");
  if (metadata(file, path, "sha256") != checksum(layers)) throw broken(path, "the checksum is wrong");
  return layers;
}

}  // namespace denseshift::io
