#pragma once

#include <cstdint>
#include <string>

#include "election/sha256.h"

// How a roll lies in Redis: hashes that are small enough for Redis's compact form
// (hash-max-listpack-entries), from which a voter takes few bytes. Pure functions.
namespace pollbus::redis_roll {

// The part of the keys that stands for a roll; kNone for an election that has none yet.
inline constexpr char kNone[] = "0000000000000000";
std::string name_of(const Sha256& roll);

// The number of buckets for a roll of this size: a prime, so that voter numbers with a common step
// fill all of them.
std::int64_t buckets_for(std::int64_t voters);

// "pollbus:roll:<election>:<name>:", to be followed by the bucket.
std::string prefix(std::int64_t election, const std::string& name);

// Where a voter is. With consecutive numbers the field stays below 128 and takes two bytes.
inline std::int64_t bucket_of(std::int64_t voter, std::int64_t buckets) { return voter % buckets; }
inline std::int64_t field_of(std::int64_t voter, std::int64_t buckets) { return voter / buckets; }

}  // namespace pollbus::redis_roll
