// A foreign machine, which publishes votes like the original one and waits for their answers, with
// voting-logger and voting-recorder.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ForeignMachine, System, filters, pythonJson, uuid1 } from './support.mjs';

let system;
let machine;

// Each test uses new voters.
let lastVoter = 0;
function nextVote(more = {}) {
  lastVoter += 1;
  return { machine_ID: 3, voter_ID: lastVoter, voting: 4, election_ID: system.election, UUID: uuid1(), ...more };
}

before(async () => {
  system = await new System().start();
  await system.beginElection();
  // Subscriptions that another client has created are used as they are.
  const topic = system.client().topic('election');
  await topic.createSubscription('election-submit-sub', { filter: filters.submit });
  await topic.createSubscription('election-record-sub', { filter: filters.record });
  await system.startRecorder();
  await system.startLogger();
  machine = await new ForeignMachine(system.client(), 3).start();
});

after(async () => {
  await machine?.close();
  await system?.stop();
});

test('a vote is written exactly as the original writes it', () => {
  assert.equal(
    pythonJson({ machine_ID: 3, voter_ID: 43, voting: 4, election_ID: 12, UUID: 'u', timestamp: 1709908090964 }),
    '{"machine_ID": 3, "voter_ID": 43, "voting": 4, "election_ID": 12, "UUID": "u", "timestamp": 1709908090964}',
  );
});

test('a vote with a timestamp is stored, and the answer has exactly the original fields', async () => {
  const before = await system.rowCount();
  const vote = nextVote({ timestamp: 1709908090964 });
  assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
  assert.equal(await system.rowCount(), before + 1);
});

test('a vote without a timestamp is stored', async () => {
  const vote = nextVote();
  assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
});

test('unknown fields are ignored', async () => {
  const vote = nextVote({ firmware: 'x', nested: { voting: [1, { deep: null }] } });
  assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
});

test('a second vote of a voter is answered with the text of the original', async () => {
  const vote = nextVote();
  await machine.vote(vote);
  const second = { ...vote, UUID: uuid1(), voting: 1 };
  assert.deepEqual(await machine.vote(second), { result: 'Already Voted!!!', UUID: second.UUID });
});

test('a vote that is published again gets the same answer and is stored once', async () => {
  const before = await system.rowCount();
  const vote = nextVote();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
  }
  assert.equal(await system.rowCount(), before + 1);
});

test('a forwarded vote with a known UUID but another choice is rejected', async () => {
  const before = await system.rowCount();
  const vote = nextVote();
  assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
  const { voter_ID: voter, ...anonymous } = vote;
  await machine.publish({ function: 'record vote' }, { ...anonymous, voting: 2 });
  const answer = await machine.answer(vote.UUID, 1);
  assert.equal(answer.result, 'Rejected');
  assert.ok(answer.reason, `no reason in ${JSON.stringify(answer)}`);
  assert.equal(await system.rowCount(), before + 1);
});

test('an invalid vote is rejected with a reason', async () => {
  const vote = nextVote({ voting: 'four' });
  const answer = await machine.vote(vote);
  assert.equal(answer.result, 'Rejected');
  assert.match(answer.reason, /^voting must be an integer/);
});

test('a machine receives only the answers to its own votes', async () => {
  const other = await new ForeignMachine(system.client(), 4).start();
  const [vote, foreign] = [nextVote(), nextVote({ machine_ID: 4 })];
  await other.vote(foreign);
  await machine.vote(vote);
  assert.deepEqual(machine.answersTo(foreign.UUID), []);
  assert.deepEqual(other.answersTo(vote.UUID), []);
  await other.close();
});

test('each vote of a burst is answered', async () => {
  const votes = Array.from({ length: 500 }, () => nextVote());
  const answers = await Promise.all(votes.map((vote) => machine.vote(vote)));
  assert.deepEqual(new Set(answers.map((answer) => answer.result)), new Set(['successful']));
  assert.deepEqual(
    answers.map((answer) => answer.UUID),
    votes.map((vote) => vote.UUID),
  );
});

test('voting-machine and the foreign machine share one set of voters', async () => {
  const vote = nextVote({ voter_ID: 1_000_000 });
  await machine.vote(vote);
  // Its random voters include those of the tests above, who have voted.
  const summary = await system.runMachine(5, ['--votes', 100, '--voters', 400, '--in-flight', 50, '--seed', 1]);
  assert.equal(summary.pending, 0);
  assert.equal(summary.sent, 100);
  assert.equal(summary.rejected, 0);
  assert.ok(summary.already_voted > 0);
});

test('the stored votes are those that were answered "successful"', async () => {
  const successful = new Set(
    machine.results.filter((answer) => answer.result === 'successful').map((answer) => answer.UUID),
  );
  const [[count]] = await system.postgres.query('SELECT count(*) FROM votes WHERE machineid = 3');
  assert.equal(Number(count), successful.size);
  assert.equal(await system.markCount(), await system.rowCount());
});
