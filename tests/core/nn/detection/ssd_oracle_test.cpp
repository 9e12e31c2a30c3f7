// SSD of the model oracles: default boxes, targets, loss, decoding, and the networks.

#include "core/nn/detection/ssd.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/nn/detection/ssd_boxes.h"
#include "tests/core/nn/model_oracles.h"

namespace denseshift::nn {
namespace {

using nlohmann::json;
using namespace denseshift::testing;  // NOLINT(google-build-using-namespace)

/// Calls `check(entry, size)` for each key "ssdSIZE_ENDING"; how many there were.
template <class Check>
int for_each_entry(const json& file, const std::string& ending, const Check& check) {
  int count = 0;
  for (const auto& [key, entry] : file.items()) {
    long size = 0;
    char rest[64] = {};
    if (std::sscanf(key.c_str(), "ssd%ld_%63s", &size, rest) != 2 || ending != rest) continue;
    SCOPED_TRACE(key);
    check(entry, size);
    ++count;
  }
  return count;
}

/// Sum of one number over all boxes.
double column(const std::vector<Box>& boxes, std::size_t i) {
  double sum = 0;
  for (const Box& box : boxes) sum += box[i];
  return sum;
}

TEST(ModelOracles, SsdDefaultBoxes) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const int compared = for_each_entry(model_oracles(), "default_boxes", [](const json& entry, std::int64_t size) {
    const std::vector<SsdLevel> levels = ssd_levels(size);
    const DefaultBoxes boxes = default_boxes(levels, size);
    ASSERT_EQ(boxes.count(), entry.at("count").get<std::int64_t>());
    std::vector<std::int64_t> offsets{0};
    for (const SsdLevel& level : levels) {
      offsets.push_back(offsets.back() + level.map * level.map * level.boxes_per_cell());
    }
    EXPECT_EQ(json(offsets), entry.at("level_offsets"));
    for (const auto& [index, expected] : entry.at("xywh").items()) {
      for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(boxes.centred.at(std::stoul(index))[i], expected[i].get<double>(), 1e-7) << index;
      }
    }
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(column(boxes.centred, i), entry.at("xywh_column_sums")[i].get<double>(), 1e-3);
      EXPECT_NEAR(column(boxes.corners, i), entry.at("ltrb_column_sums")[i].get<double>(), 1e-3);
    }
    std::int64_t wide = 0, tall = 0;
    for (const Box& box : boxes.centred) {
      wide += box[2] == 1 ? 1 : 0;
      tall += box[3] == 1 ? 1 : 0;
    }
    EXPECT_EQ(wide, entry.at("n_w_clamped_to_1").get<std::int64_t>());
    EXPECT_EQ(tall, entry.at("n_h_clamped_to_1").get<std::int64_t>());
  });
  if (compared == 0) GTEST_SKIP() << "the file has no default boxes";
}

/// "6*v(i,k=1000007) shaped 81x8732".
at::Tensor described_tensor(std::string text, const json& format) {
  if (text.find('*') > text.find('v')) text = "1*" + text;
  double factor = 0;
  unsigned long k = 0;
  long rows = 0, columns = 0;
  if (std::sscanf(text.c_str(), "%lf*v(i,k=%lu) shaped %ldx%ld", &factor, &k, &rows, &columns) != 4) {
    ADD_FAILURE() << "cannot read: " << text;
    return at::zeros({1, 4, 1});
  }
  return oracle_input({1, rows, columns}, k - 1000000, format, -factor, factor).to(at::kFloat);
}

CheckedTargets described_objects(const json& entry) {
  CheckedTargets objects;
  for (const json& box : entry.at("gt_boxes_ltrb_normalised")) objects.boxes.push_back(box.get<Box>());
  for (const json& label : entry.at("gt_labels")) objects.labels.push_back(label.get<std::int64_t>() - 1);
  return objects;
}

TEST(ModelOracles, SsdTargetsAndLoss) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json file = model_oracles();
  const int compared = for_each_entry(file, "targets_and_loss", [&](const json& entry, std::int64_t size) {
    const DefaultBoxes defaults = default_boxes(ssd_levels(size), size);
    const CheckedTargets objects = described_objects(entry);
    const std::vector<std::int64_t> match = match_default_boxes(defaults, objects.boxes);
    json positives = json::array();
    std::map<std::string, std::int64_t> per_label;
    std::array<double, 4> sums{};
    for (std::size_t d = 0; d < match.size(); ++d) {
      if (match[d] < 0) continue;
      const auto object = static_cast<std::size_t>(match[d]);
      const std::int64_t label = objects.labels[object] + 1;
      const Box offsets = encode_offsets(objects.boxes[object], defaults.centred[d]);
      for (std::size_t i = 0; i < 4; ++i) {
        sums[i] += offsets[i];
        if (positives.empty()) {
          EXPECT_NEAR(offsets[i], entry.at("encoded_first_positive")[i].get<double>(), 2e-5);
        }
      }
      positives.push_back({d, label});
      ++per_label[std::to_string(label)];
    }
    EXPECT_EQ(positives, entry.at("positives_index_label"));
    EXPECT_EQ(positives.size(), entry.at("n_positive").get<std::size_t>());
    EXPECT_EQ(json(per_label), entry.at("positives_per_label"));
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(sums[i], entry.at("encoded_sum_over_positives_cx_cy_w_h")[i].get<double>(), 1e-4);
    }

    const at::Tensor loc = described_tensor(entry.at("ploc").get<std::string>(), file.at("format"));
    const at::Tensor conf = described_tensor(entry.at("plabel").get<std::string>(), file.at("format"));
    const auto near = [&](double actual, const char* key) {
      const double wanted = entry.at(key).get<double>();
      EXPECT_NEAR(actual, wanted, 1e-5 * wanted) << key;
    };
    const std::vector<quant::NamedTensor> losses = ssd_losses(loc, conf, defaults, {objects});
    const double regression = losses[0].tensor.item<double>(), classification = losses[1].tensor.item<double>();
    near(regression + classification, "loss");
    near(regression * static_cast<double>(positives.size()), "smooth_l1_sum");
    const std::vector<quant::NamedTensor> of_two =
        ssd_losses(loc.expand({2, -1, -1}), conf.expand({2, -1, -1}), defaults, {objects, CheckedTargets{}});
    near(of_two[0].tensor.item<double>() + of_two[1].tensor.item<double>(),
         "loss_batch2_second_image_without_positives");
  });
  if (compared == 0) GTEST_SKIP() << "the file has no SSD targets";
}

/// The entry's rules, which are the defaults in the published file.
DetectionThresholds described_thresholds(const json& entry) {
  const std::string text = entry.at("input").get<std::string>();
  const std::size_t at = text.find("score >");
  double score = 0, iou = 0;
  long candidates = 0, kept = 0;
  if (at == std::string::npos ||
      std::sscanf(text.c_str() + at,
                  "score > %lf per class, per class keep the best %ld before NMS, suppress IoU >= %lf, keep best %ld",
                  &score, &candidates, &iou, &kept) != 4) {
    ADD_FAILURE() << "cannot read: " << text;
  }
  return {score, iou, candidates, kept};
}

void expect_decoding(const json& entry, const json& inputs, const json& format, std::int64_t size) {
  const DefaultBoxes defaults = default_boxes(ssd_levels(size), size);
  const at::Tensor loc = described_tensor(inputs.at("ploc").get<std::string>(), format);
  const at::Tensor conf = described_tensor(inputs.at("plabel").get<std::string>(), format);
  DetectionThresholds thresholds = described_thresholds(entry);
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  const std::vector<Candidate> proposals = ssd_proposals(loc, conf, defaults, thresholds)[0];
  EXPECT_EQ(suppress(proposals, thresholds.nms_iou, NmsRule::at_least, kAll).size(),
            entry.at("n_before_final_cut").get<std::size_t>());
  const std::vector<Candidate> found =
      suppress(proposals, thresholds.nms_iou, NmsRule::at_least, static_cast<std::size_t>(thresholds.kept));
  thresholds.candidates = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(ssd_proposals(loc, conf, defaults, thresholds)[0].size(),
            entry.at("n_class_scores_above_0.05").get<std::size_t>());

  ASSERT_EQ(found.size(), entry.at("n").get<std::size_t>());
  std::map<std::string, std::int64_t> histogram;
  double scores = 0, boxes = 0;
  for (const Candidate& c : found) {
    ++histogram[std::to_string(c.label + 1)];
    scores += c.score;
    for (const float number : c.box) boxes += number;
  }
  EXPECT_EQ(json(histogram), entry.at("label_histogram_nonzero"));
  EXPECT_NEAR(scores, entry.at("scores_sum").get<double>(), 1e-4);
  EXPECT_NEAR(boxes, entry.at("boxes_sum").get<double>(), 1e-3);
  // The file's lists end with the best one.
  const auto from_best = [](const json& list, std::size_t i) { return list.at(list.size() - 1 - i); };
  for (std::size_t i = 0; i < entry.at("labels_last10").size(); ++i) {
    EXPECT_EQ(found[i].label + 1, from_best(entry.at("labels_last10"), i).get<std::int64_t>());
    EXPECT_NEAR(found[i].score, from_best(entry.at("scores_last10"), i).get<double>(), 1e-6);
  }
  for (std::size_t i = 0; i < entry.at("boxes_ltrb_last3").size(); ++i) {
    const Box expected = from_best(entry.at("boxes_ltrb_last3"), i).get<Box>();
    for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(found[i].box[j], expected[j], 1e-6);
  }
}

TEST(ModelOracles, SsdDecoding) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json file = model_oracles();
  const int compared = for_each_entry(file, "decode", [&](const json& entry, std::int64_t size) {
    const std::string inputs = "ssd" + std::to_string(size) + "_targets_and_loss";
    ASSERT_TRUE(file.contains(inputs));
    expect_decoding(entry, file.at(inputs), file.at("format"), size);
  });
  if (compared == 0) GTEST_SKIP() << "the file has no SSD decoding";
}

/// Keys "loc_at_box_B" and "conf_at_box_B_firstN".
void expect_columns(const json& entry, const std::string& name, const at::Tensor& tensor,
                    const OracleTolerance& tolerance) {
  int compared = 0;
  for (const auto& [key, expected] : entry.items()) {
    long box = 0;
    if (std::sscanf(key.c_str(), (name + "_at_box_%ld").c_str(), &box) != 1) continue;
    expect_first(expected, tensor[0].select(1, box), tensor.abs().mean().item<double>(), tolerance, key);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

void expect_network(Detector& model, const json& entry, const json& format, bool is_double) {
  const at::NoGradGuard no_grad;
  const OracleTolerance tolerance{is_double};
  const at::Tensor images = oracle_input(entry.at("input_shape").get<std::vector<std::int64_t>>(),
                                         entry.at("tensor_id").get<std::size_t>(), format)
                                .to(is_double ? at::kDouble : at::kFloat);
  const std::vector<quant::NamedTensor> maps = model.features(images);
  ASSERT_EQ(maps.size(), entry.at("features").size());
  for (std::size_t i = 0; i < maps.size(); ++i) {
    expect_statistics(entry.at("features")[i], maps[i].tensor, tolerance, maps[i].name);
  }
  for (const quant::NamedTensor& output : model.outputs(images)) {
    expect_statistics(entry.at(output.name), output.tensor, tolerance, output.name);
    expect_columns(entry, output.name, output.tensor, tolerance);
  }
}

TEST(ModelOracles, SsdNetworksInDoubleAndFloat) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json file = model_oracles();
  int compared = 0;
  for (const auto& [key, entry] : file.items()) {
    long size = 0;
    char backbone[64] = {};
    if (std::sscanf(key.c_str(), "ssd%ld_%63s", &size, backbone) != 2 || !entry.contains("features")) continue;
    SCOPED_TRACE(key);
    quant::LayerPolicy policy({}, "paper", {});
    ModelOptions options{.policy = policy};
    options.classes = entry.at("conf").at("shape")[1].get<std::int64_t>() - 1;
    options.image_size = size;
    const auto model = make_ssd(backbone, options);
    EXPECT_EQ(parameter_count(*model), entry.at("n_params").get<std::int64_t>());
    expect_names(*model, entry, key);
    model->eval();
    model->to(at::kDouble);
    fill(*model, file.at("format"));
    expect_network(*model, entry, file.at("format"), true);
    model->to(at::kFloat);
    expect_network(*model, entry, file.at("format"), false);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "the file has no SSD network";
}

}  // namespace
}  // namespace denseshift::nn
