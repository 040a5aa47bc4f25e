// Checks the invariants I1 to I7 of an election without votes in flight, from the messages on the bus and
// the contents of the stores. tests/deploy/invariants.test.mjs tests this check.

const voteOf = ({ machine_ID: machine, voting }) => `machine ${machine}, choice ${voting}`;

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

function counts(items) {
  return new Map([...grouped(items, (item) => item)].map(([item, all]) => [item, all.length]));
}

function differences(name, expected, found) {
  return [...new Set([...expected.keys(), ...found.keys()])]
    .filter((key) => (expected.get(key) ?? 0) !== (found.get(key) ?? 0))
    .map((key) => `${name}: ${key}: ${expected.get(key) ?? 0} expected, ${found.get(key) ?? 0} found`);
}

// Returns one sentence for each violation. `submitted` and `results` are the messages on the bus, including
// repeats; `rows` the [machine, choice] of each vote in PostgreSQL; `receipts` the number of receipts;
// `voters` the voters marked in Redis. No sentence contains a voter and a choice.
export function violations({ submitted, results, rows, receipts, voters }) {
  const votes = grouped(submitted, (vote) => vote.UUID);
  const answers = grouped(results, (result) => result.UUID);
  const found = [];
  for (const [uuid, repeats] of votes) {
    if (new Set(repeats.map((vote) => JSON.stringify(vote))).size > 1) found.push(`I2: ${uuid} changed between its tries`);
  }
  for (const [uuid, given] of answers) {
    if (!votes.has(uuid)) found.push(`I2: ${uuid} was answered and never submitted`);
    if (new Set(given.map(({ result }) => result)).size > 1) found.push(`I6: the answers to ${uuid} contradict each other`);
  }
  for (const uuid of votes.keys()) {
    if (!answers.has(uuid)) found.push(`I6: ${uuid} was never answered`);
  }

  const resultOf = (uuid) => answers.get(uuid)?.[0].result;
  const all = [...votes.values()].map(([vote]) => vote);
  const accepted = all.filter((vote) => resultOf(vote.UUID) === 'successful');
  const byVoter = grouped(accepted, (vote) => vote.voter_ID);
  for (const [voter, theirs] of byVoter) {
    if (theirs.length > 1) found.push(`I3: voter ${voter} voted ${theirs.length} times`);
  }
  for (const vote of all) {
    if (resultOf(vote.UUID) === 'Already Voted!!!' && !byVoter.has(vote.voter_ID)) {
      found.push(`I4: ${vote.UUID} was refused, and its voter has no other vote`);
    }
  }
  const cells = rows.map(([machine, choice]) => voteOf({ machine_ID: machine, voting: choice }));
  found.push(...differences('I1, I2, I7', counts(accepted.map(voteOf)), counts(cells)));
  if (receipts !== rows.length) found.push(`I3: ${rows.length} rows, ${receipts} receipts`);
  found.push(...differences('I5: mark of voter', counts([...byVoter.keys()].map(String)), counts(voters.map(String))));
  return found;
}
