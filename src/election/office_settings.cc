#include "election/office_settings.h"

#include <utility>

namespace pollbus {

OfficeSettings::OfficeSettings(std::string subscription, std::string help)
    : subscription_(std::move(subscription)), help_(std::move(help)) {}

void OfficeSettings::add_to(Settings& settings) {
  settings.text({"office-subscription", "OFFICE_SUB_ID", "NAME", help_}, &subscription_,
                check_not_empty);
  settings.text({"office-public-key", "OFFICE_PUBLIC_KEY", "KEY",
                 "Key that verifies the office's commands: 64 hexadecimal digits; without it no "
                 "command is accepted"},
                &public_key_, OfficePublicKey::check);
}

std::optional<OfficePublicKey> OfficeSettings::public_key() const {
  if (public_key_.empty()) return std::nullopt;
  return OfficePublicKey::parse(public_key_).value();
}

}  // namespace pollbus
