#pragma once

#include <string>
#include <utility>
#include <vector>

#include "election_board/format.h"
#include "election_board/snapshot.h"
#include "election_board/time_chart.h"

namespace pollbus::election_board {

// The figures of a page that change while it is open. The page shows each in the element with the
// attribute data-key; the module board.mjs replaces them from the JSON of live_json(). Both are
// made from this one list, so that they cannot differ.
struct Figures {
  std::vector<std::pair<std::string, std::string>> texts;  // by key
  // Attributes of SVG shapes: key, attribute, value.
  struct Shape {
    std::string key;
    std::string attribute;
    std::string value;
  };
  std::vector<Shape> shapes;
  // Rows that may be added: machine number and votes.
  std::vector<std::pair<std::string, std::string>> machines;

  // "" if there is no such figure.
  const std::string& text(std::string_view key) const;
  const std::string& shape(std::string_view key) const;
};

inline constexpr std::size_t kMaxMachines = 50;  // on a page

Figures figures_of(const ElectionView& view, const TimeSeries& series, const Format& format);

// The keys of a choice's figures.
std::string choice_key(std::int64_t voting, const char* what);

// What decides which parts a page has. When it changes, the page must be loaded again.
std::string structure_of(const ElectionView& view);

// {"number":…,"structure":…,"announce":…,"texts":{…},"shapes":[…],"machines":[…]}
std::string live_json(const Snapshot& snapshot, const ElectionView& view, const Format& format);

}  // namespace pollbus::election_board
