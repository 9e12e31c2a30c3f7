#include "core/bench/model/operands.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace denseshift::bench {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

namespace {

constexpr int kStackPointer = 31;

/// Parts between the commas that are outside of brackets and braces.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      if (const std::string_view part = trimmed(text.substr(start, i - start)); !part.empty()) parts.push_back(part);
      start = i + 1;
    } else if (text[i] == '[' || text[i] == '{') {
      ++depth;
    } else if (text[i] == ']' || text[i] == '}') {
      --depth;
    }
  }
  return parts;
}

/// A number with or without # in front.
std::optional<std::int64_t> immediate(std::string_view text) {
  if (!text.empty() && text.front() == '#') text.remove_prefix(1);
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const bool hexadecimal = text.substr(0, 2) == "0x";
  if (hexadecimal) text.remove_prefix(2);
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, hexadecimal ? 16 : 10);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return negative ? -number : number;
}

/// Number of a general register (x or w), 31 for sp; nothing for others.
std::optional<int> general_register(std::string_view name) {
  if (name == "sp" || name == "wsp") return kStackPointer;
  if (name.size() < 2 || (name.front() != 'x' && name.front() != 'w')) return std::nullopt;
  const std::optional<std::int64_t> number = immediate(name.substr(1));
  if (!number || *number < 0 || *number > 30) return std::nullopt;
  return static_cast<int>(*number);
}

Affine scaled(Affine value, std::int64_t factor) {
  for (auto& [root, coefficient] : value.terms) coefficient *= factor;
  value.constant *= factor;
  return value;
}

/// Nothing when a factor or the constant cannot be divided. (What a shift drops of the registers themselves is the same
/// in every iteration as long as their steps can be divided, which advance() sees to.)
std::optional<Affine> divided(Affine value, std::int64_t divisor) {
  for (auto& [root, factor] : value.terms) {
    if (factor % divisor != 0) return std::nullopt;
    factor /= divisor;
  }
  if (value.constant % divisor != 0) return std::nullopt;
  value.constant /= divisor;
  return value;
}

Affine sum(Affine a, const Affine& b) {
  for (const auto& [root, coefficient] : b.terms) {
    a.terms[root] += coefficient;
    if (a.terms[root] == 0) a.terms.erase(root);
  }
  a.constant += b.constant;
  return a;
}

std::int64_t bytes_of_letter(char letter) {
  switch (letter) {
    case 'q':
      return 16;
    case 'd':
    case 'x':
      return 8;
    case 's':
    case 'w':
      return 4;
    case 'h':
      return 2;
    case 'b':
      return 1;
    default:
      return 0;
  }
}

/// Registers in a list such as {v0.16b, v1.16b} or {v0.4s - v3.4s}.
std::int64_t list_length(std::string_view list) {
  const std::size_t dash = list.find('-');
  if (dash == std::string_view::npos) return std::count(list.begin(), list.end(), ',') + 1;
  const auto number = [&](std::size_t from) {
    const std::size_t v = list.find('v', from);
    return immediate(list.substr(v + 1, list.find('.', v) - v - 1)).value_or(0);
  };
  return (number(dash) - number(0) + 32) % 32 + 1;
}

/// Bytes that a load reads, from its name and first operands.
std::int64_t bytes_read(std::string_view name, const std::vector<std::string_view>& operands, std::size_t memory) {
  const std::string_view first = operands.front();
  if (first.front() == '{') {
    const std::size_t dot = first.find('.');
    const std::string_view shape = first.substr(dot + 1, first.find_first_of(" ,}", dot) - dot - 1);
    const std::int64_t element = bytes_of_letter(shape.back());
    const bool whole = name.back() != 'r' && first.back() != ']';
    const std::int64_t lanes = whole ? immediate(shape.substr(0, shape.size() - 1)).value_or(0) : 1;
    return list_length(first) * element * lanes;
  }
  std::int64_t each = bytes_of_letter(first.front());
  if (name.back() == 'b') each = 1;
  if (name.back() == 'h') each = 2;
  if (name.substr(name.size() - 2) == "sw") each = 4;
  return each * static_cast<std::int64_t>(memory);
}

bool writes_no_register(std::string_view name) {
  static const std::set<std::string_view> kNames = {"b",    "cbz",  "cbnz", "tbz", "tbnz", "cmp",  "cmn",  "tst",
                                                    "ccmp", "ccmn", "fcmp", "nop", "ret",  "prfm", "prfum"};
  return kNames.count(name) > 0 || name.substr(0, 2) == "b.";
}

}  // namespace

AddressTracker::AddressTracker() {
  for (int i = 0; i < 32; ++i) registers_[static_cast<std::size_t>(i)] = {{{i, Affine::kUnit}}, 0};
}

Affine AddressTracker::value(std::string_view operand) const {
  if (const auto number = general_register(operand)) return registers_[static_cast<std::size_t>(*number)];
  return {{}, immediate(operand).value_or(0)};
}

/// The operand at `index` with the shift or extension that may follow it.
Affine AddressTracker::extended(const Operands& operands, std::size_t index) const {
  Affine result = value(operands[index]);
  if (index + 1 >= operands.size()) return result;
  const std::string_view how = operands[index + 1];
  const std::int64_t shift = immediate(trimmed(how.substr(std::min(how.find(' '), how.size())))).value_or(0);
  return scaled(std::move(result), std::int64_t{1} << shift);
}

void AddressTracker::assign(std::string_view operand, Affine value) {
  if (const auto number = general_register(operand)) registers_[static_cast<std::size_t>(*number)] = std::move(value);
}

void AddressTracker::forget(std::string_view operand) {
  if (general_register(operand)) assign(operand, {{{next_unknown_++, Affine::kUnit}}, 0});
}

void AddressTracker::access(std::string_view name, const Operands& operands, std::size_t memory) {
  std::string_view place = operands[memory];
  const bool before = place.back() == '!';
  place = place.substr(1, place.find(']') - 1);
  const Operands parts = split(place);
  Affine address = value(parts[0]);
  if (parts.size() > 1) address = sum(address, extended(parts, 1));
  if (name.substr(0, 2) == "ld") {
    reads_.push_back({address, bytes_read(name, operands, memory)});
    for (std::size_t i = 0; i < memory; ++i) forget(operands[i]);
  }
  if (before) assign(parts[0], address);
  if (memory + 1 < operands.size()) assign(parts[0], sum(value(parts[0]), value(operands[memory + 1])));
}

void AddressTracker::compute(std::string_view name, const Operands& operands) {
  const bool subtract = name == "sub" || name == "subs";
  if ((subtract || name == "add" || name == "adds") && operands.size() >= 3) {
    Affine second = extended(operands, 2);
    if (subtract) second = scaled(std::move(second), -1);
    assign(operands[0], sum(value(operands[1]), second));
  } else if (name == "lsl" && operands.size() == 3 && immediate(operands[2])) {
    assign(operands[0], scaled(value(operands[1]), std::int64_t{1} << *immediate(operands[2])));
  } else if (name == "lsr" && operands.size() == 3 && immediate(operands[2])) {
    const std::optional<Affine> part = divided(value(operands[1]), std::int64_t{1} << *immediate(operands[2]));
    part ? assign(operands[0], *part) : forget(operands[0]);
  } else if (name == "mov" && operands.size() == 2 && (general_register(operands[1]) || immediate(operands[1]))) {
    assign(operands[0], value(operands[1]));
  } else {
    forget(operands[0]);
  }
}

void AddressTracker::step(std::string_view instruction) {
  const std::size_t space = std::min(instruction.find_first_of(" \t"), instruction.size());
  const std::string_view name = instruction.substr(0, space);
  const Operands operands = split(instruction.substr(space));
  if (operands.empty() || writes_no_register(name)) return;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].front() == '[') return access(name, operands, i);
  }
  compute(name, operands);
}

std::optional<std::int64_t> AddressTracker::advance(const Affine::Terms& terms, int depth) const {
  std::int64_t total = 0;
  for (const auto& [root, factor] : terms) {
    if (root >= 32) return std::nullopt;
    const Affine& after = registers_[static_cast<std::size_t>(root)];
    std::optional<std::int64_t> step = after.constant;
    if (after.terms != Affine::Terms{{root, Affine::kUnit}}) {
      // A register that takes over others of the execution before moves as these do.
      if (after.terms.count(root) > 0 || depth == 0) return std::nullopt;
      step = advance(after.terms, depth - 1);
      if (!step) return std::nullopt;
    }
    total += factor * *step;
  }
  if (total % Affine::kUnit != 0) return std::nullopt;
  return total / Affine::kUnit;
}

}  // namespace denseshift::bench
