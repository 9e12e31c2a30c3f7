#include "cli/commands/bench_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>

#include "cli/terminal/table.h"
#include "core/bench/memory.h"
#include "core/util/error.h"

namespace denseshift::cli {

using bench::Measurement;
using bench::Work;
using bench::WorkCase;
using Json = nlohmann::ordered_json;

MachineLimits::MachineLimits() : peaks_(bench::measure_peaks(kernels::allowed_isa())) {}

double MachineLimits::least_seconds(const Work& work, bool cold, int threads, bool& memory) {
  const auto bytes = static_cast<std::size_t>(work.bytes);
  const std::size_t read = cold ? bytes * bench::copies_beyond_cache(bytes, bench::cache_sizes()) : bytes;
  auto& bandwidth = bandwidth_[read];
  if (bandwidth == 0) bandwidth = bench::measure_read_bandwidth(read, kernels::allowed_isa());
  const double reading = work.bytes / bandwidth;
  const double peak = bench::best_peak(peaks_, work.integer);
  const double computing = peak > 0 ? work.macs / peak / threads : 0;
  memory = reading > computing;
  return std::max(reading, computing);
}

Json MachineLimits::json() const {
  Json all = {{"peaks", Json::array()}, {"read_bandwidth", Json::array()}};
  for (const bench::Peak& peak : peaks_) {
    all["peaks"].push_back(
        {{"name", peak.name}, {"isa", kernels::isa_name(peak.isa)}, {"gmac_per_second", peak.macs_per_second / 1e9}});
  }
  for (const auto& [bytes, speed] : bandwidth_) {
    all["read_bandwidth"].push_back({{"bytes", bytes}, {"gb_per_second", speed / 1e9}});
  }
  return all;
}

void append_peers(std::vector<WorkCase>& cases, Json& result, const Peers& peers,
                  const denseshift_peer_problem& problem, std::size_t outputs, const Work& float_work,
                  const PeerCheck& check) {
  for (const PeerLibrary& library : peers.libraries()) {
    for (const PeerKernel& kernel : problem.kernel_height > 0 ? library.convolution : library.matrix) {
      std::string reason;
      const std::optional<PeerCase> ready = peers.prepare(kernel, problem, outputs, reason);
      if (!ready) {
        const Json note = fmt::format("{} cannot do some of these: {}", kernel.name, reason);
        Json& notes = result["notes"];
        if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
        continue;
      }
      ready->run(0, 1);
      const auto [y, unit] = ready->output();
      check(kernel, y, unit);
      Work work = float_work;
      work.integer = kernel.kind != "f32";
      if (work.integer) work.bytes /= 4;
      cases.push_back({{kernel.name, kernel.label, "",
                        [one = *ready](std::size_t first, std::size_t count) { one.run(first, count); }},
                       work,
                       false});
    }
  }
}

namespace {

/// The fastest FP32 case that is not ours; nullptr when there is none.
const WorkCase* float_baseline(const std::vector<WorkCase>& cases, const Measurement& measured) {
  const WorkCase* best = nullptr;
  for (const WorkCase& one : cases) {
    if (one.ours || one.work.integer) continue;
    if (best == nullptr ||
        measured.timing(one.candidate.name).summary.median < measured.timing(best->candidate.name).summary.median) {
      best = &one;
    }
  }
  return best;
}

bool is_scalar(const std::string& name) { return name.ends_with("-scalar"); }

/// "w2a8 is slower than xnnpack/qs8 at ...".
void append_loss(Json& result, const Json& row, const std::string& other, const bench::Summary& speedup) {
  if (speedup.median >= 1 || is_scalar(row["name"])) return;
  result["losses"].push_back(fmt::format("{}: {} is slower than {}: {:.2f}x ({:.2f}-{:.2f}){}",
                                         row["place"].get<std::string>(), row["name"].get<std::string>(), other,
                                         speedup.median, speedup.q1, speedup.q3,
                                         speedup.q3 >= 1 ? ", within the spread" : ""));
}

Json make_row(const WorkCase& one, const Measurement& measured, const Json& place, const BenchSettings& settings,
              MachineLimits& limits) {
  const bench::Timing& timing = measured.timing(one.candidate.name);
  Json row = place;
  row["name"] = one.candidate.name;
  row["ours"] = one.ours;
  row["label"] = one.candidate.label;
  put_timing(row, timing);
  const double seconds = timing.summary.median;
  row["gmac_per_second"] = one.work.macs / seconds / 1e9;
  row["gb_per_second"] = one.work.bytes / seconds / 1e9;
  bool memory = false;
  row["limit_fraction"] = limits.least_seconds(one.work, settings.cold, settings.threads, memory) / seconds;
  row["limit"] = memory ? "memory" : "compute";
  return row;
}

}  // namespace

void measure_work(const std::vector<WorkCase>& cases, const Json& place, const std::string& suffix,
                  const BenchSettings& settings, MachineLimits& limits, Json& result, BenchMetrics& metrics) {
  std::vector<bench::Candidate> candidates;
  for (const WorkCase& one : cases) candidates.push_back(one.candidate);
  const Measurement measured = bench::measure(candidates, settings.harness);
  const WorkCase* baseline = float_baseline(cases, measured);
  Json rounds = place;
  rounds["text"] = rounds_text(measured);
  rounds["dropped"] = measured.dropped;
  rounds["disturbed_kept"] = measured.disturbed_kept;
  rounds["baseline"] = baseline == nullptr ? Json() : Json(baseline->candidate.name);
  result["tables"].push_back(std::move(rounds));
  metrics.emplace_back("dropped_rounds/" + suffix, static_cast<double>(measured.dropped));
  for (const WorkCase& one : cases) {
    Json row = make_row(one, measured, place, settings, limits);
    if (baseline != nullptr) {
      const bench::Summary speedup = measured.speedup(one.candidate.name, baseline->candidate.name);
      put_speedup(row, "x_float", speedup);
      if (one.ours) append_loss(result, row, baseline->candidate.name, speedup);
    }
    for (const WorkCase& other : cases) {
      if (!one.ours || other.ours) continue;
      const bench::Summary speedup = measured.speedup(one.candidate.name, other.candidate.name);
      put_speedup(row, "x_" + other.candidate.name, speedup);
      if (&other != baseline) append_loss(result, row, other.candidate.name, speedup);
    }
    Json numbers = row;
    for (const auto& [key, value] : place.items()) numbers.erase(key);
    append_metrics(metrics, numbers, one.candidate.name + "/" + suffix);
    result["rows"].push_back(std::move(row));
  }
}

void put_peers(Json& result, const Peers& peers, const BenchSettings& settings) {
  result["peers"] = Json::array();
  result["notes"] = Json::array();
  for (const PeerLibrary& library : peers.libraries()) {
    result["peers"].push_back({{"name", library.name},
                               {"version", library.version},
                               {"held", library.held.empty() ? Json() : Json(library.held)}});
    if (!settings.isa) {
      if (!library.held.empty()) {
        result["notes"].push_back(fmt::format("{} is held by the environment: {}", library.name, library.held));
      }
      continue;
    }
    result["notes"].push_back(library.held.empty()
                                  ? fmt::format("{} cannot be held to {}: it takes what the CPU has", library.name,
                                                kernels::isa_name(*settings.isa))
                                  : fmt::format("{} is held to this level: {}", library.name, library.held));
  }
  for (const std::string& line : peers.absent()) result["notes"].push_back(line);
}

void print_work_table(const Json& result, const std::string& place) {
  const auto found = std::ranges::find_if(result["tables"], [&](const Json& one) { return one["place"] == place; });
  const Json& table_of = *found;
  const std::string baseline = table_of["baseline"].is_null() ? "none" : table_of["baseline"].get<std::string>();
  std::cout << fmt::format("\n{}; {}\n", place, table_of["text"].get<std::string>());
  std::vector<std::string> others;
  for (const Json& row : result["rows"]) {
    if (row["place"] == place && !row["ours"].get<bool>()) others.push_back(row["name"]);
  }
  Table times({{"row"},
               {"us", true},
               {"min", true},
               {"q1-q3", true},
               {"GMAC/s", true},
               {"GB/s", true},
               {"of the limit", true},
               {"x " + baseline, true},
               {"what"}});
  std::vector<Column> heads = {{"how many times faster than"}};
  for (const std::string& other : others) heads.push_back({other, true});
  Table ratios(heads);
  for (const Json& row : result["rows"]) {
    if (row["place"] != place) continue;
    times.add({row["name"], fmt::format("{:.2f}", row["us"].get<double>()),
               fmt::format("{:.2f}", row["us_min"].get<double>()),
               fmt::format("{:.2f}-{:.2f}", row["us_q1"].get<double>(), row["us_q3"].get<double>()),
               fmt::format("{:.1f}", row["gmac_per_second"].get<double>()),
               fmt::format("{:.2f}", row["gb_per_second"].get<double>()),
               fmt::format("{:.0f}% {}", 100 * row["limit_fraction"].get<double>(), row["limit"].get<std::string>()),
               speedup_text(row, "x_float"), row["label"]});
    if (!row["ours"].get<bool>()) continue;
    std::vector<std::string> cells = {row["name"]};
    for (const std::string& other : others) cells.push_back(speedup_text(row, "x_" + other));
    ratios.add(std::move(cells));
  }
  times.print(std::cout);
  if (others.empty()) return;
  std::cout << '\n';
  ratios.print(std::cout);
}

void print_work_legend(const Json& result) {
  std::cout << "\nLimits of this machine, measured:";
  for (const Json& peak : result["limits"]["peaks"]) {
    std::cout << fmt::format(" {} ({}) {:.1f} GMAC/s;", peak["name"].get<std::string>(), peak["isa"].get<std::string>(),
                             peak["gmac_per_second"].get<double>());
  }
  for (const Json& read : result["limits"]["read_bandwidth"]) {
    std::cout << fmt::format(" reading {:.3g} MB {:.1f} GB/s;", read["bytes"].get<double>() / 1e6,
                             read["gb_per_second"].get<double>());
  }
  std::cout << "\n";
  for (const Json& peer : result["peers"]) {
    std::cout << fmt::format("{}: {}\n", peer["name"].get<std::string>(), peer["version"].get<std::string>());
  }
  for (const Json& note : result["notes"]) std::cout << note.get<std::string>() << '\n';
  if (!result["peers"].empty()) {
    std::cout
        << "Other libraries get their best case: weights packed beforehand in their own layout, activations "
           "converted beforehand,\nno bias and no scaling after the sums, results checked before they are timed.\n";
  }
  std::cout << "\nTimes are medians over the rounds; quotients are taken within each round, then median (quartiles). "
               "GB/s counts the weights alone.\nOf the limit: the least time that reading the weights or the "
               "multiplications need here, over the time taken.\n";
  if (result["losses"].empty()) {
    std::cout << "Nothing that was measured here was faster than ours.\n";
    return;
  }
  std::cout << "\nWhere we lose:\n";
  for (const Json& loss : result["losses"]) std::cout << "  " << loss.get<std::string>() << '\n';
}

}  // namespace denseshift::cli
