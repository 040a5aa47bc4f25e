#pragma once

#include <span>

#include "web/asset.h"

namespace pollbus::web {

// The files of this folder's pages/ and languages/, compiled into the program.
std::span<const Asset> board_pages();
std::span<const Asset> board_languages();

}  // namespace pollbus::web
