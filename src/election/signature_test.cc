#include "election/signature.h"

#include <gtest/gtest.h>

namespace pollbus {
namespace {

TEST(OfficeSignature, TheTestVectorsOfRfc8032Hold) {
  // RFC 8032 §7.1, tests 1 and 2.
  const auto empty =
      *OfficePrivateKey::parse("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_EQ(empty.public_key().to_hex(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(empty.sign(""),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  const auto one =
      *OfficePrivateKey::parse("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  EXPECT_EQ(one.sign("\x72"),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(OfficeSignature, ASignatureHoldsForItsDataAndKeyOnly) {
  const auto key = OfficePrivateKey::generate();
  const std::string signature = key.sign("open");
  EXPECT_TRUE(key.public_key().verifies("open", signature));
  EXPECT_FALSE(key.public_key().verifies("close", signature));
  EXPECT_FALSE(OfficePrivateKey::generate().public_key().verifies("open", signature));
  for (std::size_t i = 0; i < signature.size(); i += 9) {
    std::string wrong = signature;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    EXPECT_FALSE(key.public_key().verifies("open", wrong));
  }
}

TEST(OfficeSignature, TextsThatAreNoSignaturesOrKeysAreRefused) {
  const auto key = OfficePrivateKey::generate();
  const std::string signature = key.sign("open");
  for (const std::string& text :
       {std::string(), signature.substr(2), signature + "00", std::string(128, 'g')}) {
    EXPECT_FALSE(key.public_key().verifies("open", text)) << text;
  }
  for (const char* text : {"", "00", "zz"}) {
    EXPECT_FALSE(OfficePublicKey::parse(text).ok());
    EXPECT_FALSE(OfficePrivateKey::parse(text).ok());
    EXPECT_TRUE(OfficePublicKey::check(text));
  }
}

TEST(OfficeSignature, AStoredKeySignsAsBefore) {
  const auto key = OfficePrivateKey::generate();
  const auto again = *OfficePrivateKey::parse(key.reveal());
  EXPECT_EQ(key.sign("x"), again.sign("x"));
  EXPECT_EQ(*OfficePublicKey::parse(key.public_key().to_hex()), key.public_key());
}

TEST(Signature, ASecretDependsOnTheKeyAndThePurposeAlone) {
  const OfficePrivateKey key = OfficePrivateKey::parse(std::string(64, '1')).value();
  const OfficePrivateKey other = OfficePrivateKey::parse(std::string(64, '2')).value();
  EXPECT_EQ(key.secret_for("a"), key.secret_for("a"));
  EXPECT_NE(key.secret_for("a"), key.secret_for("b"));
  EXPECT_NE(key.secret_for("a"), other.secret_for("a"));
}

}  // namespace
}  // namespace pollbus
