#include "election/vote.h"

namespace pollbus {

AnonymousVote without_voter(const SubmittedVote& vote) {
  return {
      .election = vote.election, .machine = vote.machine, .choice = vote.choice, .uuid = vote.uuid};
}

}  // namespace pollbus
