#pragma once

#include <span>

#include "web/asset.h"

namespace pollbus::web {

// The kiosk's own page (pages/) and its texts (languages/), compiled into the program.
std::span<const Asset> kiosk_pages();
std::span<const Asset> kiosk_languages();

}  // namespace pollbus::web
