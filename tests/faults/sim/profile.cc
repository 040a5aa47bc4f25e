#include "faults/sim/profile.h"

#include <algorithm>

namespace pollbus::faults {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Half of the seeds do not have a kind of fault, the others have it rarely or often.
double draw_rate(Random& random, double often) {
  if (random.chance(0.5)) return 0;
  return random.chance(0.5) ? often / 10 : often;
}

void draw_election(Random& random, Profile* profile) {
  profile->machines = static_cast<int>(random.between(1, 3));
  profile->original_machines = static_cast<int>(random.below(2));
  profile->has_twin = random.chance(0.05);
  profile->loggers = static_cast<int>(random.between(1, 3));
  profile->recorders = static_cast<int>(random.between(1, 3));
  profile->votes = random.between(1, 8);
  profile->voters = random.chance(0.5) ? random.between(1, 4) : random.between(5, 40);
  profile->in_flight = random.between(1, 6);
  profile->rate = random.chance(0.5) ? 0 : static_cast<double>(random.between(1, 20)) / 4;
  profile->poisons = random.chance(0.7) ? 0 : static_cast<int>(random.between(1, 4));
  profile->forgeries = random.chance(0.8) ? 0 : static_cast<int>(random.between(1, 4));
  profile->has_keys = random.chance(0.75);
  if (profile->has_keys && random.chance(0.5))
    profile->attacks = static_cast<int>(random.between(1, 12));
  profile->refused_voters = random.chance(0.9) ? 0 : 0.2;
  profile->refused_receipts = random.chance(0.9) ? 0 : 0.2;
}

void draw_bus(Random& random, Profile* profile) {
  profile->ignores_filters = random.chance(0.05);
  profile->stale_acks_count = random.chance(0.5);
  profile->max_batch = static_cast<std::size_t>(random.chance(0.5) ? 1 : random.between(2, 20));
  profile->reordered = draw_rate(random, 0.8);
  profile->duplicated = draw_rate(random, 0.3);
  profile->ack_lost = draw_rate(random, 0.3);
  profile->max_delay = random.chance(0.5)   ? milliseconds(2)
                       : random.chance(0.5) ? milliseconds(200)
                                            : milliseconds(15'000);
}

void draw_office(Random& random, Profile* profile) {
  profile->is_defined = random.chance(0.6);
  if (!profile->is_defined) return;
  profile->eligibility = random.chance(0.3)   ? Eligibility::kOpen
                         : random.chance(0.4) ? Eligibility::kRoll
                                              : Eligibility::kCodes;
  profile->opens_by_clock = random.chance(0.3);
  profile->closes_by_clock = random.chance(0.4);
  profile->extends = profile->closes_by_clock && random.chance(0.3);
  profile->pauses = static_cast<int>(random.below(3));
  profile->adds_voter = random.chance(0.3);
  profile->officials = random.chance(0.7) ? 1 : 2;
  profile->clocks_differ = random.chance(0.3);
  profile->redis_clock_steps_back = random.chance(0.2);
  // A mark without a row keeps the election from being sealed.
  profile->refused_receipts = 0;
  if (profile->voters < 5) profile->voters += 5;  // so that some are on the roll and one is not
  profile->votes += random.between(0, 8);
  if (profile->rate > 0) profile->rate = std::max(profile->rate, 0.5);
}

}  // namespace

Profile draw_profile(Random& random) {
  Profile profile;
  draw_election(random, &profile);
  draw_bus(random, &profile);
  profile.request_lost = draw_rate(random, 0.3);
  profile.answer_lost = draw_rate(random, 0.3);
  profile.applied_late = draw_rate(random, 0.2);
  profile.applied_in_part = draw_rate(random, 0.2);
  profile.crash = draw_rate(random, 0.1);
  profile.hang = draw_rate(random, 0.05);
  profile.fail = draw_rate(random, 0.2);
  profile.disk_fails = draw_rate(random, 0.1);
  profile.kills = random.chance(0.5);
  profile.freezes = random.chance(0.3);
  profile.stops = random.chance(0.3);
  profile.server_crashes = random.chance(0.4);
  profile.server_outages = random.chance(0.3);
  profile.partitions = random.chance(0.3);
  profile.between_faults = random.between(milliseconds(50), seconds(10));
  profile.faults_end = random.between(seconds(1), seconds(60));
  profile.rotates = profile.has_keys && random.chance(0.2);
  draw_office(random, &profile);
  profile.redis_servers = random.chance(0.6) ? 1 : static_cast<int>(random.between(2, 3));
  return profile;
}

void Profile::heal() {
  reordered = duplicated = ack_lost = 0;
  max_delay = milliseconds(2);
  request_lost = answer_lost = applied_late = applied_in_part = 0;
  crash = hang = fail = disk_fails = 0;
  between_faults = microseconds(0);
}

}  // namespace pollbus::faults
