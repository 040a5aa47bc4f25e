#pragma once

#include <string_view>

// The Lua scripts that loggers run in Redis, each one atomic step (docs/wire-format.md has the
// keys). They expect database 1 to be selected, and take everything as ARGV.
// https://redis.io/docs/latest/develop/programmability/eval-intro/
namespace pollbus::redis_scripts {

// Marks the voters of one election. ARGV:
//   1. the election;
//   2. the version of its rules that the caller knows, or "";
//   3. "defined": an election without a definition takes no votes; "unreadable": the caller cannot
//      read the rules; "any": neither;
//   4. the number of votes;
//   5. a character for each vote: '0', plus 1 if the election has its choice, plus 2 if the vote
//      has a code;
//   6. the 8 bytes of each vote's code;
//   7. "distinct" if no two votes have the same voter, or "";
//   then the key of the mark and the fingerprint of each vote; then bucket and field of each voter
//   in the roll.
// What the rules of the election do not need is empty or absent. Returns a letter for each vote
// (redis_voter_register.cc says which); or, if Redis has another version of the rules than the
// caller, an array, and then has changed nothing.
extern const std::string_view kMark;

// Keeps what tells this server from others, if it keeps nothing yet. ARGV: the check value of the
// LOGGER_KEY; "1 of 2" for the first of two servers, or "" for the only one. Returns both as the
// server has them.
extern const std::string_view kIdentify;

// ARGV: election, and how many events the caller knows. Returns the clock (seconds, microseconds),
// the number of marks, sequence and roll in force, and the further events.
extern const std::string_view kReadElection;

// Appends an event if it is the next one. ARGV: election; sequence of the event before, "0" for
// none; the event; the size that the roll in force must have or ""; the number of fields; name and
// value of each field ("" removes it); then what the kind of event adds: the choices; or bucket,
// field and value of an added voter. Returns 1; 0 if another event is the next; or an array of the
// roll's size if that is wrong.
extern const std::string_view kAppendEvent;

// Stages a chunk of a roll. ARGV: election, roll, number and hash of the chunk, facts about the
// roll that all its chunks share, number of buckets, and then bucket, field and value of each
// voter. Returns 1; 0 if the chunk was there; 2 if something else was there.
extern const std::string_view kStageChunk;

// ARGV: election, roll, number of buckets. Returns how many voters of the roll are here.
extern const std::string_view kCountRoll;

// Removes buckets of a roll that is not in force. ARGV: election, roll, first and last bucket.
// Returns 1, or 0 if the roll is in force.
extern const std::string_view kRemoveBuckets;

}  // namespace pollbus::redis_scripts
