#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/service/client_table.h"

namespace pollbus::broker {

// Reads the text of a ClientTable (docs/broker-operation.md), line by line. Used once.
class TableParser {
 public:
  absl::StatusOr<ClientTable> parse(std::string_view text);

 private:
  // Each takes the words after the first one and returns what is wrong with the line, or "".
  std::string read_line(std::string_view line);
  std::string project(std::string_view rest);
  std::string client(std::string_view rest);
  std::string publish(std::string_view rest);
  std::string subscribe(std::string_view rest);
  std::string view(std::string_view rest);
  std::string attribute(std::string_view word, ClientEntry::Publish* rule) const;
  std::string topic(std::string_view word, std::string* name) const;
  std::string subscription(std::string_view word, Pattern* pattern) const;

  ClientTable table_;
  std::string project_;
  ClientEntry* entry_ = nullptr;
  ClientEntry refused_;  // takes the rules of a client that is refused
  std::vector<std::string> problems_;
};

}  // namespace pollbus::broker
