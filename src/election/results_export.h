#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "election/results.h"

namespace pollbus {

// Results as files (docs/board.md describes the formats). The same results give the same bytes;
// none of them holds anything but turnout while the tally may not be seen. Write a file with
// write_whole_file(), which syncs and renames. Pure functions; thread-safe.

enum class ResultsFormat { kTable, kCsv, kJson, kCdf };

// RFC 4180, UTF-8 without a byte order mark, with names in that language.
std::string results_as_csv(const Results& results, const std::string& language);
std::string results_as_json(const Results& results);
// NIST SP 1500-100 version 2 (Election Results Reporting Common Data Format) as JSON.
std::string results_as_cdf(const Results& results);
// Plain text for a terminal or a printer.
std::string results_as_table(const Results& results, const std::string& language);

std::string export_results(const Results& results, ResultsFormat format,
                           const std::string& language);

// Such as "UNOFFICIAL-election-12-results.csv"; ends with ".cdf.json" for kCdf and ".txt" for
// kTable.
std::string results_file_name(const Results& results, ResultsFormat format);

// One cell of a CSV file. A text that a spreadsheet could take for a formula gets an apostrophe in
// front; quotes are added where RFC 4180 needs them.
std::string csv_cell(std::string_view text);

}  // namespace pollbus
