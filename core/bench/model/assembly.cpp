#include "core/bench/model/assembly.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/bench/model/operands.h"
#include "core/util/error.h"

namespace denseshift::bench {
namespace {

/// The line without its comment and the space around it. Lines that start with # are the compiler's marks.
std::string_view statement(std::string_view line) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return {};
  return trimmed(line.substr(0, line.find("//")));
}

std::vector<std::string_view> statements(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const std::string_view one = statement(text.substr(0, end)); !one.empty()) found.push_back(one);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

bool is_label(std::string_view statement) { return statement.back() == ':'; }
bool is_directive(std::string_view statement) { return statement.front() == '.' && !is_label(statement); }

/// The symbol itself, or its mangled form in any namespace: the length of the name, then the name.
bool names_function(std::string_view symbol, std::string_view function) {
  if (symbol == function) return true;
  if (symbol.substr(0, 2) != "_Z") return false;
  const std::size_t at = symbol.find(fmt::format("{}{}", function.size(), function));
  return at != std::string_view::npos && (symbol[at - 1] < '0' || symbol[at - 1] > '9');
}

/// Label that a branch goes to; empty for other instructions. gcc writes bne for b.ne.
std::string_view branch_target(std::string_view instruction) {
  static const std::set<std::string_view> kBranches = {"b",   "cbz", "cbnz", "tbz", "tbnz", "beq", "bne",
                                                       "bcs", "bcc", "bmi",  "bpl", "bvs",  "bvc", "bhi",
                                                       "bls", "bge", "blt",  "bgt", "ble"};
  const std::size_t space = instruction.find_first_of(" \t");
  if (space == std::string_view::npos) return {};
  const std::string_view name = instruction.substr(0, space);
  if (name.substr(0, 2) != "b." && kBranches.count(name) == 0) return {};
  return trimmed(instruction.substr(instruction.find_last_of(" \t,") + 1));
}

bool ends_block(std::string_view instruction) {
  const std::string_view name = instruction.substr(0, instruction.find_first_of(" \t"));
  return name == "ret" || name == "br" || name == "bl" || name == "blr" || !branch_target(instruction).empty();
}

/// Whether an instruction works on a vector register in parts, such as v0.4s.
bool uses_vectors(const AssemblyLoop& loop) {
  return std::any_of(loop.instructions.begin(), loop.instructions.end(), [](const std::string& instruction) {
    const std::size_t dot = instruction.find('.');
    return dot != std::string::npos && dot >= 2 && instruction.substr(0, 2) != "b.";
  });
}

/// Bytes of a set of places, each counted once.
std::int64_t covered(const std::set<std::pair<std::int64_t, std::int64_t>>& places) {
  std::int64_t bytes = 0;
  std::int64_t reached = INT64_MIN;
  for (const auto& [from, size] : places) {
    const std::int64_t start = std::max(from, reached);
    bytes += std::max<std::int64_t>(from + size - start, 0);
    reached = std::max(reached, from + size);
  }
  return bytes;
}

}  // namespace

std::vector<AssemblyLoop> find_loops(std::string_view assembly, std::string_view function) {
  std::vector<AssemblyLoop> loops;
  AssemblyLoop block;
  bool inside = false;
  for (const std::string_view line : statements(assembly)) {
    if (is_label(line)) {
      const std::string_view label = line.substr(0, line.size() - 1);
      if (label.front() != '.') inside = names_function(label, function);
      block = {std::string(label), {}};
      continue;
    }
    if (line.substr(0, 5) == ".size") inside = false;
    if (!inside || is_directive(line)) continue;
    block.instructions.emplace_back(line);
    if (!ends_block(line)) continue;
    if (!block.label.empty() && branch_target(line) == block.label) loops.push_back(block);
    block = {};
  }
  return loops;
}

std::optional<LoopReads> loop_reads(const AssemblyLoop& loop, std::string* reason) {
  AddressTracker tracker;
  for (const std::string& instruction : loop.instructions) tracker.step(instruction);
  std::map<Affine::Terms, std::set<std::pair<std::int64_t, std::int64_t>>> streams;
  for (const MemoryRead& read : tracker.reads())
    streams[read.address.terms].insert({read.address.constant, read.bytes});
  LoopReads result;
  for (const auto& [terms, places] : streams) {
    const std::optional<std::int64_t> advance = tracker.advance(terms);
    if (!advance) {
      if (reason != nullptr) *reason = "an address does not move by a constant";
      return std::nullopt;
    }
    if (*advance != 0) result.bytes_by_advance[std::abs(*advance)] += covered(places);
  }
  return result;
}

std::optional<std::int64_t> elements_per_iteration(const LoopReads& reads, int x_bits, int weight_bits) {
  std::int64_t bits = 0;
  for (const auto& [advance, bytes] : reads.bytes_by_advance) bits += 8 * bytes;
  const std::int64_t elements = bits / (x_bits + weight_bits);
  if (elements == 0 || elements * (x_bits + weight_bits) != bits) return std::nullopt;
  // Every array must be read without gaps and moved along by exactly what was read of it.
  std::map<std::int64_t, std::int64_t> expected;
  for (const int width : {x_bits, weight_bits}) {
    if (elements * width % 8 != 0) return std::nullopt;
    expected[elements * width / 8] += elements * width / 8;
  }
  if (expected != reads.bytes_by_advance) return std::nullopt;
  return elements;
}

MainLoop find_main_loop(std::string_view assembly, std::string_view kernel, int x_bits, int weight_bits) {
  const auto refuse = [&](std::string_view reason) {
    return work_error(fmt::format("{} cannot be modelled: {}", kernel, reason));
  };
  MainLoop best;
  const std::vector<AssemblyLoop> loops = find_loops(assembly, kernel);
  for (const AssemblyLoop& loop : loops) {
    std::string reason;
    const std::optional<LoopReads> reads = loop_reads(loop, &reason);
    if (!reads && uses_vectors(loop)) throw refuse(fmt::format("in the loop at {} {}", loop.label, reason));
    if (!reads) continue;
    const std::optional<std::int64_t> elements = elements_per_iteration(*reads, x_bits, weight_bits);
    if (!elements) continue;
    const auto work = [](const MainLoop& of) {
      return static_cast<double>(of.loop.instructions.size()) / static_cast<double>(of.elements);
    };
    const MainLoop candidate = {loop, *elements};
    if (best.elements == 0 || work(candidate) < work(best)) best = candidate;
  }
  if (loops.empty()) throw refuse("the assembly has no loop of one block for it");
  if (best.elements == 0) throw refuse("no loop reads two arrays without gaps");
  return best;
}

}  // namespace denseshift::bench
