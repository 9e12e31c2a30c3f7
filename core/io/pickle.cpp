#include "core/io/pickle.h"

#include <map>
#include <stdexcept>
#include <utility>

#include "core/io/bytes.h"
#include "core/io/pickle_objects.h"
#include "core/io/quoted.h"
#include "core/util/error.h"

namespace denseshift::io {
namespace {

constexpr std::size_t kMaxValues = std::size_t{1} << 20;  // about 40 000 tensors
constexpr std::size_t kMaxMarks = 1000;
constexpr std::size_t kMaxText = std::size_t{1} << 24;
constexpr std::size_t kMaxGlobal = 200;
constexpr int kHighestProtocol = 4;

/// Python's own names (module pickle).
enum Opcode : unsigned char {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kNone = 'N',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kBinFloat = 'G',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kEmptyTuple = ')',
  kTuple = 't',
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kReduce = 'R',
  kBuild = 'b',
  kBinPersid = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

class Machine {
 public:
  explicit Machine(std::string_view bytes) : bytes_(bytes), objects_(pickle_, bytes.size()) {}

  /// Runs to STOP. Throws std::invalid_argument.
  Pickle run() {
    if (take(1) != "\x80") refuse("it does not begin like a pickle");
    check_protocol();
    while (true) {
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == kStop) break;
      step(opcode);
    }
    if (stack_.size() != 1 || !marks_.empty()) refuse("it ends with unfinished values");
    pickle_.root = stack_[0];
    pickle_.size = position_;
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const { throw std::invalid_argument(reason); }

  std::string_view take(std::uint64_t size) {
    const auto taken = slice(bytes_, position_, size);
    if (!taken) refuse("it ends in the middle");
    position_ += taken->size();
    return *taken;
  }
  std::uint64_t number(std::size_t size) { return little_endian(take(size), size); }
  void check_protocol() {
    const std::uint64_t protocol = number(1);
    if (protocol < 2 || protocol > kHighestProtocol) refuse("it uses pickle protocol " + std::to_string(protocol));
  }

  void push(PickleValue value) {
    if (++values_ > kMaxValues) refuse("it has more than " + std::to_string(kMaxValues) + " values");
    stack_.push_back(value);
  }
  void push_integer(std::int64_t value) { push({PickleKind::integer, static_cast<std::uint64_t>(value)}); }
  void push_text(PickleKind kind, std::uint64_t size) {
    if (size > kMaxText) refuse("it has a text of " + std::to_string(size) + " bytes");
    pickle_.texts.push_back(take(size));
    push({kind, pickle_.texts.size() - 1});
  }
  /// The lowest place of the stack that the instruction may use.
  [[nodiscard]] std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  [[nodiscard]] PickleValue& top() {
    if (stack_.size() <= floor()) refuse("an instruction finds no value");
    return stack_.back();
  }
  PickleValue pop() {
    const PickleValue value = top();
    stack_.pop_back();
    return value;
  }
  /// The last `count` values, removed.
  std::vector<PickleValue> pop_some(std::size_t count) {
    if (stack_.size() - floor() < count) refuse("an instruction finds no value");
    std::vector<PickleValue> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  /// The values after the last mark, removed with it.
  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) refuse("an instruction finds no mark");
    std::vector<PickleValue> items = pop_some(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  void push_tuple(std::vector<PickleValue> items) { push(objects_.add_sequence(PickleKind::tuple, std::move(items))); }
  /// Adds to the list or dictionary on top of the stack.
  void extend(PickleKind kind, const std::vector<PickleValue>& items) {
    if (top().kind != kind) refuse(std::string("values are added to ") + kind_name(top().kind));
    if (kind == PickleKind::dictionary && items.size() % 2 != 0) refuse("a dictionary has a key without a value");
    std::vector<PickleValue>& target = pickle_.sequences[top().index()];
    target.insert(target.end(), items.begin(), items.end());
  }

  void put(std::uint64_t place) { memo_[place] = top(); }
  void get(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) refuse("it recalls a value that it has not stored");
    push(found->second);
  }

  void push_long(std::uint64_t size) {
    if (size > 8) return push_text(PickleKind::big_integer, size);
    const std::string_view bytes = take(size);
    std::uint64_t value = little_endian(bytes, bytes.size());
    if (!bytes.empty() && bytes.size() < 8 && (static_cast<unsigned char>(bytes.back()) & 0x80) != 0) {
      value |= ~std::uint64_t{0} << (8 * bytes.size());
    }
    push_integer(static_cast<std::int64_t>(value));
  }
  void push_real() {
    std::uint64_t bits = 0;
    for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
    push({PickleKind::real, bits});
  }
  std::string_view line() {
    const std::size_t end = bytes_.substr(position_, kMaxGlobal).find('\n');
    if (end == std::string_view::npos) refuse("the name of a global does not end");
    const std::string_view text = take(end);
    (void)take(1);
    return text;
  }
  void push_stack_global() {
    const PickleValue name = pop();
    const PickleValue module = pop();
    if (name.kind != PickleKind::text || module.kind != PickleKind::text) refuse("the name of a global is not a text");
    push(PickleObjects::global(pickle_.text(module), pickle_.text(name)));
  }
  void reduce() {
    const PickleValue arguments = pop();
    const PickleValue callee = pop();
    push(objects_.call(callee, arguments));
  }

  void step(unsigned char opcode) {
    if (step_numbers(opcode) || step_containers(opcode)) return;
    switch (opcode) {
      case kProto:
        return check_protocol();
      case kFrame:
        if (number(8) > bytes_.size() - position_) refuse("a frame is longer than the file");
        return;
      case kPop:
        if (stack_.size() == floor() && !marks_.empty()) return marks_.pop_back();
        return (void)pop();
      case kPopMark:
        return (void)pop_to_mark();
      case kGlobal: {
        const std::string_view module = line();
        return push(PickleObjects::global(module, line()));
      }
      case kStackGlobal:
        return push_stack_global();
      case kReduce:
        return reduce();
      case kBuild: {
        const PickleValue state = pop();
        return objects_.set_state(top(), state);
      }
      case kBinPersid:
        return push(objects_.storage(pop()));
      case kBinPut:
        return put(number(1));
      case kLongBinPut:
        return put(number(4));
      case kMemoize:
        return put(memo_.size());
      case kBinGet:
        return get(number(1));
      case kLongBinGet:
        return get(number(4));
      default: {
        const char character = static_cast<char>(opcode);
        refuse("instruction " + (opcode > ' ' && opcode < 127 ? in_quotes({&character, 1}) : std::to_string(opcode)) +
               " is not allowed");
      }
    }
  }

  bool step_numbers(unsigned char opcode) {
    switch (opcode) {
      case kNone:
        return push({}), true;
      case kNewTrue:
      case kNewFalse:
        return push({PickleKind::boolean, opcode == kNewTrue ? 1U : 0U}), true;
      case kBinInt:
        return push_integer(static_cast<std::int32_t>(number(4))), true;
      case kBinInt1:
        return push_integer(static_cast<std::int64_t>(number(1))), true;
      case kBinInt2:
        return push_integer(static_cast<std::int64_t>(number(2))), true;
      case kLong1:
        return push_long(number(1)), true;
      case kLong4:
        return push_long(number(4)), true;
      case kBinFloat:
        return push_real(), true;
      case kShortBinUnicode:
      case kShortBinString:
        return push_text(PickleKind::text, number(1)), true;
      case kBinUnicode:
      case kBinString:
        return push_text(PickleKind::text, number(4)), true;
      case kBinUnicode8:
        return push_text(PickleKind::text, number(8)), true;
      case kShortBinBytes:
        return push_text(PickleKind::bytes, number(1)), true;
      case kBinBytes:
        return push_text(PickleKind::bytes, number(4)), true;
      case kBinBytes8:
        return push_text(PickleKind::bytes, number(8)), true;
      default:
        return false;
    }
  }

  bool step_containers(unsigned char opcode) {
    switch (opcode) {
      case kMark:
        if (marks_.size() == kMaxMarks) refuse("it is nested too deeply");
        return marks_.push_back(stack_.size()), true;
      case kEmptyTuple:
        return push_tuple({}), true;
      case kTuple:
        return push_tuple(pop_to_mark()), true;
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push_tuple(pop_some(std::size_t{opcode} - kTuple1 + 1)), true;
      case kEmptyList:
        return push(objects_.add_sequence(PickleKind::list, {})), true;
      case kEmptyDict:
        return push(objects_.add_sequence(PickleKind::dictionary, {})), true;
      case kAppend:
        return extend(PickleKind::list, pop_some(1)), true;
      case kAppends:
        return extend(PickleKind::list, pop_to_mark()), true;
      case kSetItem:
        return extend(PickleKind::dictionary, pop_some(2)), true;
      case kSetItems:
        return extend(PickleKind::dictionary, pop_to_mark()), true;
      default:
        return false;
    }
  }

  std::string_view bytes_;
  std::size_t position_ = 0;
  std::size_t values_ = 0;
  Pickle pickle_;
  PickleObjects objects_;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;  ///< places of the stack
  std::map<std::uint64_t, PickleValue> memo_;
};

}  // namespace

const char* kind_name(PickleKind kind) noexcept {
  constexpr const char* kNames[] = {"None",   "a truth value", "a number", "a number", "a number",
                                    "a text", "bytes",         "a tuple",  "a list",   "a dictionary",
                                    "a type", "a storage",     "a tensor"};
  return kNames[static_cast<std::size_t>(kind)];
}

const PickleValue* Pickle::find(const PickleValue& dictionary, std::string_view key) const {
  const std::vector<PickleValue>& items = sequence(dictionary);
  for (std::size_t k = 0; k + 1 < items.size(); k += 2) {
    if (items[k].kind == PickleKind::text && text(items[k]) == key) return &items[k + 1];
  }
  return nullptr;
}

Pickle read_pickle(std::string_view bytes, const std::string& where) {
  try {
    return Machine(bytes).run();
  } catch (const GlobalNotAllowed& reason) {
    throw input_error(where + ": " + reason.what(),
                      "only weights are read, never code: save model.state_dict() instead");
  } catch (const std::invalid_argument& reason) {
    throw input_error(where + " is not a usable pickle: " + reason.what(),
                      "the file is damaged, incomplete or not of torch.save(model.state_dict(), path)");
  }
}

}  // namespace denseshift::io
