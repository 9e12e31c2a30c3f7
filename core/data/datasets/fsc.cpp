// Fluent Speech Commands (Lugosch et al. 2019), and sets in its layout: three tables, recordings at 16 kHz.

#include <fmt/format.h>

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/speech.h"
#include "core/util/csv.h"
#include "core/util/error.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kTables{"data/train_data.csv", "data/valid_data.csv", "data/test_data.csv"};
const std::vector<std::string> kSlots{"action", "object", "location"};

/// A table with the positions of its columns.
struct Table {
  explicit Table(const fs::path& path) : csv(read_csv(path)), path_column(csv.column("path")) {
    for (const std::string& slot : kSlots) slot_columns.push_back(csv.column(slot));
    if (csv.rows.empty()) throw input_error(csv.name + ": no rows below the header");
  }
  [[nodiscard]] std::vector<std::string> combination(const CsvRow& row) const {
    std::vector<std::string> values;
    for (const std::size_t column : slot_columns) values.push_back(row.fields[column]);
    return values;
  }

  CsvTable csv;
  std::size_t path_column;
  std::vector<std::size_t> slot_columns;
};

std::string checked_path(const Table& table, const CsvRow& row) {
  const std::string& text = row.fields[table.path_column];
  const fs::path path = fs::path(text).lexically_normal();
  if (text.empty()) throw input_error(table.csv.where(row) + ": the path is empty");
  if (path.is_absolute() || *path.begin() == "..") {
    throw input_error(
        fmt::format("{}: path '{}' leaves the folder of the dataset", table.csv.where(row), one_line(text)),
        "paths are relative to the folder that holds data/ and wavs/");
  }
  if (text.find_first_of(std::string("\0\r\n", 3)) != std::string::npos) {
    throw input_error(fmt::format("{}: path '{}' holds a line end", table.csv.where(row), one_line(text)));
  }
  return path.string();
}

std::vector<Utterance> utterances_of(const Table& table, const Intents& intents) {
  std::vector<Utterance> utterances;
  utterances.reserve(table.csv.rows.size());
  for (const CsvRow& row : table.csv.rows) {
    const std::vector<std::string> values = table.combination(row);
    const std::int64_t label = intents.find(values);
    if (label < 0) {
      throw input_error(fmt::format("{}: no row of {} has the intent '{} / {} / {}'", table.csv.where(row), kTables[0],
                                    one_line(values[0]), one_line(values[1]), one_line(values[2])));
    }
    utterances.push_back({checked_path(table, row), label, table.csv.where(row)});
  }
  return utterances;
}

}  // namespace

std::unique_ptr<Dataset> open_fsc(const DatasetOptions& options) {
  Recordings recordings;
  recordings.root = find_folder("fsc", options, {".", "fluent_speech_commands_dataset"}, {kTables[0]});
  const Table train(recordings.root / kTables[0]);
  std::vector<std::vector<std::string>> combinations;
  for (const CsvRow& row : train.csv.rows) combinations.push_back(train.combination(row));
  recordings.intents = Intents::from_combinations(kSlots, std::move(combinations));
  for (std::size_t split = 0; split < kTables.size(); ++split) {
    const fs::path path = recordings.root / kTables[split];
    recordings.splits[split] = utterances_of(split == 0 ? train : Table(path), recordings.intents);
    recordings.fingerprint[std::string(kTables[split]) + "_sha256"] = sha256_file(path);
  }
  return open_recordings("fsc", options, std::move(recordings));
}

}  // namespace denseshift::data
