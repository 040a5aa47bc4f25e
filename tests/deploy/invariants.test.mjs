import assert from 'node:assert/strict';
import { test } from 'node:test';

import { violations } from '../docker/invariants.mjs';

const vote = (UUID, voter_ID, voting, machine_ID = 1) => ({ UUID, voter_ID, voting, machine_ID, election_ID: 12 });
const answer = (UUID, result = 'successful') => ({ UUID, result });

// Voter 7 votes twice, voter 8 once. The bus delivers some messages twice.
const whole = () => ({
  submitted: [vote('a', 7, 3), vote('a', 7, 3), vote('b', 7, 4), vote('c', 8, 3)],
  results: [answer('a'), answer('a'), answer('b', 'Already Voted!!!'), answer('c')],
  rows: [[1, 3], [1, 3]],
  receipts: 2,
  voters: ['7', '8'],
});

test('a correct election has no violations', () => {
  assert.deepEqual(violations(whole()), []);
});

const broken = {
  'a row is missing': [(all) => all.rows.pop(), /^I1/],
  'a row holds another choice': [(all) => (all.rows[0] = [1, 4]), /^I1, I2, I7/],
  'an additional row': [(all) => all.rows.push([2, 0]), /^I1, I2, I7/],
  'a repeat with another choice': [(all) => (all.submitted[1] = vote('a', 7, 4)), /^I2/],
  'an answer to a vote that was never submitted': [(all) => all.results.push(answer('x')), /^I2/],
  'a voter who votes twice': [(all) => (all.results[2] = answer('b')), /^I3: voter 7/],
  'a receipt is missing': [(all) => (all.receipts = 1), /^I3/],
  'a voter who is refused and has no vote': [(all) => (all.results[3] = answer('c', 'Already Voted!!!')), /^I4/],
  'a mark is missing': [(all) => all.voters.pop(), /^I5/],
  'a mark of a voter who did not vote': [(all) => all.voters.push('9'), /^I5/],
  'a vote without an answer': [(all) => all.results.pop(), /^I6/],
  'answers that contradict each other': [(all) => all.results.push(answer('a', 'Already Voted!!!')), /^I6/],
};

for (const [name, [breakIt, expected]] of Object.entries(broken)) {
  test(`reported: ${name}`, () => {
    const all = whole();
    breakIt(all);
    assert.match(violations(all).join('\n'), new RegExp(expected.source, 'm'));
  });
}
