// Votes of the original programs' shape, published by the official client, and a machine of another
// make that waits for their answers, with our logger and our recorder.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ForeignMachine, System, filters, pythonJson, uuid1 } from './support.mjs';

let system;
let machine;

// Each test has voters of its own.
let lastVoter = 0;
function nextVote(more = {}) {
  lastVoter += 1;
  return { machine_ID: 3, voter_ID: lastVoter, voting: 4, election_ID: system.election, UUID: uuid1(), ...more };
}

before(async () => {
  system = await new System().start();
  await system.beginElection();
  // Another client was here first.
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

test('the vote has the shape of the original', () => {
  assert.equal(
    pythonJson({ machine_ID: 3, voter_ID: 43, voting: 4, election_ID: 12, UUID: 'u', timestamp: 1709908090964 }),
    '{"machine_ID": 3, "voter_ID": 43, "voting": 4, "election_ID": 12, "UUID": "u", "timestamp": 1709908090964}',
  );
});

test('a vote with a timestamp is stored and answered, with exactly the original fields', async () => {
  const before = await system.rowCount();
  const vote = nextVote({ timestamp: 1709908090964 });
  assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
  assert.equal(await system.rowCount(), before + 1);
});

test('a vote without a timestamp is', async () => {
  const vote = nextVote();
  assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
});

test('fields that nobody knows are ignored', async () => {
  const vote = nextVote({ firmware: 'x', nested: { voting: [1, { deep: null }] } });
  assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
});

test('a second vote of the voter is told so, in the words of the original', async () => {
  const vote = nextVote();
  await machine.vote(vote);
  const second = { ...vote, UUID: uuid1(), voting: 1 };
  assert.deepEqual(await machine.vote(second), { result: 'Already Voted!!!', UUID: second.UUID });
});

test('the same vote published again is answered the same and stored once', async () => {
  const before = await system.rowCount();
  const vote = nextVote();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await machine.vote(vote), { result: 'successful', UUID: vote.UUID });
  }
  assert.equal(await system.rowCount(), before + 1);
});

test('a vote that cannot be read is rejected with a reason', async () => {
  const vote = nextVote({ voting: 'four' });
  const answer = await machine.vote(vote);
  assert.equal(answer.result, 'Rejected');
  assert.match(answer.reason, /^voting must be an integer/);
});

test('the filter of a machine holds back the answers to others', async () => {
  const other = await new ForeignMachine(system.client(), 4).start();
  const [vote, foreign] = [nextVote(), nextVote({ machine_ID: 4 })];
  await other.vote(foreign);
  await machine.vote(vote);
  assert.deepEqual(machine.answersTo(foreign.UUID), []);
  assert.deepEqual(other.answersTo(vote.UUID), []);
  await other.close();
});

test('a burst of votes is answered vote by vote', async () => {
  const votes = Array.from({ length: 500 }, () => nextVote());
  const answers = await Promise.all(votes.map((vote) => machine.vote(vote)));
  assert.deepEqual(new Set(answers.map((answer) => answer.result)), new Set(['successful']));
  assert.deepEqual(
    answers.map((answer) => answer.UUID),
    votes.map((vote) => vote.UUID),
  );
});

test('our machine beside it shares its voters', async () => {
  const vote = nextVote({ voter_ID: 1_000_000 });
  await machine.vote(vote);
  // From 0 up: those of the tests above have voted.
  const summary = await system.runMachine(5, ['--votes', 100, '--voters', 400, '--in-flight', 50, '--seed', 1]);
  assert.equal(summary.pending, 0);
  assert.equal(summary.sent, 100);
  assert.equal(summary.rejected, 0);
  assert.ok(summary.already_voted > 0);
});

test('what is stored is what was answered', async () => {
  const successful = new Set(
    machine.results.filter((answer) => answer.result === 'successful').map((answer) => answer.UUID),
  );
  const [[count]] = await system.postgres.query('SELECT count(*) FROM votes WHERE machineid = 3');
  assert.equal(Number(count), successful.size);
  assert.equal(await system.markCount(), await system.rowCount());
});
