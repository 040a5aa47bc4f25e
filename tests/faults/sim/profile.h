#pragma once

#include <chrono>
#include <cstdint>

#include "election/definition.h"
#include "faults/sim/random.h"

namespace pollbus::faults {

// The parameters of one election and its faults. Each seed has only some kinds of fault, because
// faults that always come together hide what one of them alone would show.
struct Profile {
  // The election.
  int machines = 1;
  int original_machines = 0;  // publish once, as the original program does, and wait
  bool has_twin = false;      // a second process with the first machine's id
  int loggers = 1;
  int recorders = 1;
  int redis_servers = 1;   // that share the register
  std::int64_t votes = 1;  // of each machine
  std::int64_t voters = 1;
  std::int64_t in_flight = 1;
  double rate = 0;
  int poisons = 0;
  int forgeries = 0;  // different votes published under the UUIDs of stored ones
  bool has_keys = false;
  int attacks = 0;       // messages without the right MAC
  bool rotates = false;  // the keys are changed

  // The office, if there is one: it defines the election, opens it, pauses it, closes it, seals and
  // certifies the result.
  bool is_defined = false;
  Eligibility eligibility = Eligibility::kOpen;
  bool opens_by_clock = false;
  bool closes_by_clock = false;
  bool extends = false;
  int pauses = 0;
  bool adds_voter = false;
  int officials = 0;                    // who do all of this at the same time
  bool clocks_differ = false;           // those of replicas, by an hour
  bool redis_clock_steps_back = false;  // that of the first server, or of all

  // The bus.
  bool ignores_filters = false;
  bool stale_acks_count = false;
  std::size_t max_batch = 1;
  double reordered = 0;
  double duplicated = 0;
  double ack_lost = 0;
  std::chrono::microseconds max_delay{0};

  // Each request to a server.
  double request_lost = 0;
  double answer_lost = 0;
  double applied_late = 0;
  double applied_in_part = 0;

  // Votes that a store refuses for good, whatever is tried: shares of voters and of receipts.
  double refused_voters = 0;
  double refused_receipts = 0;

  // Each failpoint, and each sync of a machine's disk.
  double crash = 0;
  double hang = 0;
  double fail = 0;
  double disk_fails = 0;

  // The average time between two faults; 0: there are none.
  std::chrono::microseconds between_faults{0};
  bool kills = false;
  bool freezes = false;
  bool stops = false;
  bool server_crashes = false;
  bool server_outages = false;
  bool partitions = false;
  std::chrono::microseconds faults_end{0};

  // Removes all faults.
  void heal();
};

Profile draw_profile(Random& random);

}  // namespace pollbus::faults
