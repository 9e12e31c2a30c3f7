#include "core/util/hash.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <vector>

#include "core/util/error.h"

namespace denseshift {

struct Sha256::Context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  if (context_->handle == nullptr || EVP_DigestInit_ex(context_->handle, EVP_sha256(), nullptr) != 1) {
    throw work_error("SHA-256 is not available in this OpenSSL");
  }
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_->handle); }

void Sha256::update(const void* data, std::size_t size) { EVP_DigestUpdate(context_->handle, data, size); }

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(context_->handle, digest.data(), &length);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string sha256(const void* data, std::size_t size) {
  Sha256 hash;
  hash.update(data, size);
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw input_error("cannot read " + path.string());
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.update(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) throw input_error("cannot read " + path.string());
  return hash.hex();
}

}  // namespace denseshift
