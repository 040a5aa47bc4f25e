#include "stores/postgres_copy.h"

#include <gtest/gtest.h>

namespace pollbus {
namespace {

std::string_view as_text(const char* bytes, std::size_t size) { return {bytes, size}; }

TEST(PostgresCopyTest, RowsStandBetweenHeaderAndTrailer) {
  PostgresCopy copy("votes (id, voting)", 2, 2, 6);
  copy.begin_row();
  copy.add_bytes(std::string_view("\0\xff", 2));
  copy.add_integer(5);
  copy.begin_row();
  copy.add_bytes("");
  copy.add_integer(-1);
  copy.end();
  EXPECT_EQ(copy.table(), "votes (id, voting)");
  EXPECT_EQ(copy.rows(), 2u);
  EXPECT_EQ(copy.data(), as_text("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"
                                 "\0\x02\0\0\0\x02\0\xff\0\0\0\x04\0\0\0\x05"
                                 "\0\x02\0\0\0\0\0\0\0\x04\xff\xff\xff\xff"
                                 "\xff\xff",
                                 19 + 16 + 14 + 2));
}

TEST(PostgresCopyTest, BigintsHaveEightBytes) {
  PostgresCopy copy("turnout (votes)", 1, 1, 8);
  copy.begin_row();
  copy.add_bigint(-2);
  copy.end();
  EXPECT_EQ(copy.data().substr(19),
            as_text("\0\x01\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff", 2 + 4 + 8 + 2));
}

TEST(PostgresCopyTest, NoRowsAreHeaderAndTrailer) {
  PostgresCopy copy("votes (id)", 1, 0, 16);
  copy.end();
  EXPECT_EQ(copy.rows(), 0u);
  EXPECT_EQ(copy.data().size(), 21u);
}

}  // namespace
}  // namespace pollbus
