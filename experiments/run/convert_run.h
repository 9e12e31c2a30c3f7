#pragma once
// `denseshift convert`: a trained network in another form, with proof that it is the same.

#include <nlohmann/json.hpp>
#include <string>

#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// What `convert` was asked for.
struct ConvertRequest {
  std::string run;             ///< run reference, or
  std::string checkpoint;      ///< file
  std::string which = "best";  ///< of a run: best or last
  std::string to = "denseshift";
  std::string out;             ///< folder (denseshift) or file (codes)
  std::string data;            ///< folder of the dataset that outputs are compared on; empty: where the run had it
  std::int64_t samples = 256;  ///< validation images to compare outputs on
  bool record = true;
  std::string db = "denseshift.db";
  std::string command_line;
  nlohmann::ordered_json program;
};

/// The new network and the comparison with the old one.
struct ConvertResult {
  std::int64_t run = 0;     ///< id of the record; 0 when not recorded
  std::int64_t parent = 0;  ///< the run converted; 0 for a file
  std::string source;       ///< the file read
  std::string file;         ///< the file written
  TrainConfig from, to;
  nn::ModelFacts from_facts, to_facts;
  std::int64_t layers = 0;        ///< quantized layers
  std::int64_t weights = 0;       ///< their weights, each compared
  std::int64_t zeros = 0;         ///< of those, weights that are zero
  std::int64_t different = 0;     ///< weights whose sum of parts (or unpacked value) is not the weight, to the bit
  std::int64_t samples = 0;       ///< images compared
  std::int64_t same_class = 0;    ///< images with the same predicted class
  double largest_difference = 0;  ///< of two logits
  double largest_logit = 0;       ///< magnitude, to compare it with
  std::string note;               ///< what the comparison left out

  [[nodiscard]] nlohmann::ordered_json to_json() const;
};

/// to "denseshift": the zero-free network that computes the same (Theorem 1): twice as wide when the old one has
/// zeros, otherwise of the same width. to "codes": a safetensors file with each layer's integer codes, code book and
/// scale, read back and compared. Throws usage errors for networks that have no such form, and a work error when the
/// comparison fails: nothing is recorded then.
[[nodiscard]] ConvertResult run_conversion(const ConvertRequest& request);

}  // namespace denseshift::experiments
