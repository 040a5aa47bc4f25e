#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pollbus {

// Rows for a table, in the binary form of COPY
// (https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4). Call begin_row(), then add
// the values of the row in the order of the columns.
class PostgresCopy {
 public:
  // `table` names the table and its columns: "votes (id, voting)". It becomes part of a statement.
  // `columns` is their number; `rows` and `row_bytes` are what to reserve memory for.
  PostgresCopy(std::string table, std::int16_t columns, std::size_t rows, std::size_t row_bytes);

  void begin_row();
  void add_integer(std::int32_t value);
  void add_bigint(std::int64_t value);
  // Of the types bytea and uuid (16 bytes).
  void add_bytes(std::string_view value);
  // Call once, after the last row.
  void end();

  const std::string& table() const { return table_; }
  std::size_t rows() const { return rows_; }
  const std::string& data() const { return data_; }

 private:
  const std::string table_;
  const std::int16_t columns_;
  std::size_t rows_ = 0;
  std::string data_;
};

}  // namespace pollbus
