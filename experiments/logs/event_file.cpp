#include "experiments/logs/event_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/util/error.h"

namespace denseshift::experiments {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // Castagnoli, bits reversed

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}

template <class Integer>
std::string little_endian(Integer value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(value); ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
  return bytes;
}

/// TFRecord files mask their checksums, because the CRC of data that holds CRCs is weak.
std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U; }

// Protocol buffer fields: https://protobuf.dev/programming-guides/encoding
enum WireType : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}
std::string tag(unsigned field, WireType type) { return varint(field << 3 | type); }
std::string bytes_field(unsigned field, std::string_view value) {
  return tag(field, kBytes) + varint(value.size()) + std::string(value);
}

/// Event.wall_time and Event.step.
std::string event_head(double time, std::int64_t step) {
  std::string head = tag(1, kFixed64) + little_endian(std::bit_cast<std::uint64_t>(time));
  if (step != 0) head += tag(2, kVarint) + varint(static_cast<std::uint64_t>(step));
  return head;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

Error cannot_write(const std::filesystem::path& path, const std::string& reason) {
  return work_error(fmt::format("cannot write {}: {}", path.string(), reason),
                    "choose another folder with --tensorboard");
}

/// Learning rate and speed stand beside the splits, as people are used to.
std::string scalar_tag(const std::string& split, const std::string& name) {
  return name == "lr" || name == "images_per_second" ? name : split + "/" + name;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  return ~crc;
}

std::string tfrecord(std::string_view payload) {
  const std::string length = little_endian(std::uint64_t{payload.size()});
  return length + little_endian(masked_crc(length)) + std::string(payload) + little_endian(masked_crc(payload));
}

std::string version_event(double time) { return event_head(time, 0) + bytes_field(3, "brain.Event:2"); }

std::string start_event(double time, std::int64_t step) {
  constexpr unsigned kSessionLog = 7, kStatus = 1, kStart = 1;
  return event_head(time, step) + bytes_field(kSessionLog, tag(kStatus, kVarint) + varint(kStart));
}

std::string scalar_event(double time, std::int64_t step, const std::vector<std::pair<std::string, float>>& scalars) {
  constexpr unsigned kSummary = 5, kValue = 1, kTag = 1, kSimpleValue = 2;
  std::string summary;
  for (const auto& [name, value] : scalars) {
    summary += bytes_field(kValue, bytes_field(kTag, name) + tag(kSimpleValue, kFixed32) +
                                       little_endian(std::bit_cast<std::uint32_t>(value)));
  }
  return event_head(time, step) + bytes_field(kSummary, summary);
}

EventFile::EventFile(const std::filesystem::path& directory, std::int64_t epochs_done, bool resumed) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) throw cannot_write(directory, code.message());
  // Readers take the files of a folder in the order of their names.
  for (auto seconds = static_cast<std::int64_t>(now()); descriptor_ < 0; ++seconds) {
    path_ = directory / fmt::format("events.out.tfevents.{}.{}.{}", seconds, host_name(), ::getpid());
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) throw cannot_write(path_, std::strerror(errno));
  }
  append(version_event(now()));
  if (resumed) append(start_event(now(), epochs_done + 1));
}

EventFile::~EventFile() { ::close(descriptor_); }

void EventFile::append(const std::string& payload) {
  const std::string record = tfrecord(payload);
  std::size_t done = 0;
  while (done < record.size()) {
    const ::ssize_t written = ::write(descriptor_, record.data() + done, record.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw cannot_write(path_, std::strerror(errno));
    done += static_cast<std::size_t>(written);
  }
}

void EventFile::write(const EpochRecord& record) {
  std::vector<std::pair<std::string, float>> scalars;
  for (const auto& [split, metrics] : record.splits) {
    for (const auto& [name, value] : metrics) {
      scalars.emplace_back(scalar_tag(split, name), static_cast<float>(value));
    }
  }
  append(scalar_event(record.time, record.epoch, scalars));
}

std::filesystem::path event_directory(const std::filesystem::path& base, const std::string& name, std::int64_t run,
                                      bool resumed) {
  std::string folder = name;
  for (char& c : folder) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '_';
  }
  if (folder.empty() || folder == "." || folder == "..") folder = std::to_string(run);
  const std::filesystem::path own = base / fmt::format("{}-{}", folder, run);
  const std::filesystem::path plain = base / folder;
  std::error_code ignored;
  if (resumed) return std::filesystem::exists(own, ignored) ? own : plain;
  return std::filesystem::exists(plain, ignored) ? own : plain;
}

}  // namespace denseshift::experiments
