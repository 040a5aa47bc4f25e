#pragma once

#include <filesystem>
#include <string>

namespace pollbus::testing {

// A certificate authority, and a certificate of it for 127.0.0.1 that servers and clients can use,
// as PEM. Created with openssl in `folder`. Throws std::runtime_error.
class Certificates {
 public:
  explicit Certificates(std::filesystem::path folder);

  std::filesystem::path authority() const { return folder_ / "authority.pem"; }
  std::filesystem::path certificate() const { return folder_ / "certificate.pem"; }
  std::filesystem::path key() const { return folder_ / "key.pem"; }
  // Creates folder/<name>.pem and folder/<name>.key: a certificate for a client with this common
  // name.
  void issue(const std::string& name);
  std::filesystem::path certificate_of(const std::string& name) const {
    return folder_ / (name + ".pem");
  }
  std::filesystem::path key_of(const std::string& name) const { return folder_ / (name + ".key"); }
  static std::string read(const std::filesystem::path& file);

 private:
  std::filesystem::path folder_;
};

}  // namespace pollbus::testing
