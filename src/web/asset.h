#pragma once

#include <span>
#include <string_view>

namespace pollbus::web {

// A file that is compiled into the program: a style sheet, an ES module, a catalogue of texts.
// pollbus_embed() of cmake/Pages.cmake makes functions that return the files of a folder.
struct Asset {
  std::string_view path;  // "/style.css"
  std::string_view etag;  // with its quotes; changes with the content
  std::string_view body;
};

// The style sheet and the ES modules that all pages share.
std::span<const Asset> shared_pages();
// The catalogues of the texts that all pages share: "/en.json", …
std::span<const Asset> shared_languages();

}  // namespace pollbus::web
