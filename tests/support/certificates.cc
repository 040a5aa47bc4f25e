#include "support/certificates.h"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/child_process.h"

namespace pollbus::testing {
namespace {

constexpr std::chrono::seconds kOpensslDeadline{20};

void make(const std::filesystem::path& folder, std::vector<std::string> particulars) {
  std::vector<std::string> argv{
      "openssl", "req",   "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
      "-nodes",  "-days", "2"};
  for (std::string& one : particulars) argv.push_back(std::move(one));
  // Without this, the system's configuration adds the extensions a second time.
  ChildProcess openssl(argv, {{"OPENSSL_CONF", "/dev/null"}}, folder / "openssl.log");
  if (openssl.wait(kOpensslDeadline) == 0) return;
  throw std::runtime_error("openssl failed: " + Certificates::read(folder / "openssl.log"));
}

}  // namespace

Certificates::Certificates(std::filesystem::path folder) : folder_(std::move(folder)) {
  const std::string authority_key = folder_ / "authority.key";
  make(folder_, {"-subj", "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE",
                 "-keyout", authority_key, "-out", authority()});
  make(folder_, {"-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-CA",
                 authority(), "-CAkey", authority_key, "-keyout", key(), "-out", certificate()});
}

void Certificates::issue(const std::string& name) {
  make(folder_, {"-subj", "/CN=" + name, "-CA", authority(), "-CAkey", folder_ / "authority.key",
                 "-keyout", key_of(name), "-out", certificate_of(name)});
}

std::string Certificates::read(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace pollbus::testing
