// A foreign logger or recorder, which does what the original one does, together with the programs of
// Pollbus.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { ForeignLogger, ForeignMachine, ForeignRecorder, System, uuid1 } from './support.mjs';

const load = ['--votes', 200, '--voters', 100, '--in-flight', 20, '--seed', 7];

let system;
let foreign;

before(async () => {
  system = await new System().start();
});

beforeEach(async () => {
  await system.beginElection();
  foreign = [];
});

afterEach(async () => {
  await Promise.all(foreign.map((part) => part.close()));
  await system.endElection();
});

after(() => system.stop());

async function join(part) {
  foreign.push(await part.start());
  return part;
}

function expectAllAnswered(summary, voters) {
  assert.equal(summary.sent, 200);
  assert.equal(summary.pending, 0);
  assert.equal(summary.rejected, 0);
  assert.equal(summary.successful, voters);
  assert.equal(summary.already_voted, 200 - voters);
}

test('a foreign logger works with voting-machine and voting-recorder', async () => {
  await system.startRecorder();
  const logger = await join(new ForeignLogger(system.client()));
  const summary = await system.runMachine(1, load);
  expectAllAnswered(summary, logger.voted.size);
  assert.equal(await system.rowCount(), logger.voted.size);
});

test('a foreign recorder works with voting-machine and voting-logger', async () => {
  const recorder = await join(new ForeignRecorder(system.client()));
  await system.startLogger();
  const summary = await system.runMachine(1, load);
  expectAllAnswered(summary, recorder.rows.size);
  assert.equal(await system.markCount(), recorder.rows.size);
  for (const vote of recorder.rows.values()) {
    assert.deepEqual(Object.keys(vote), ['machine_ID', 'voting', 'election_ID', 'UUID']);
  }
});

test('voting-machine works with a foreign logger and a foreign recorder', async () => {
  const recorder = await join(new ForeignRecorder(system.client()));
  const logger = await join(new ForeignLogger(system.client()));
  const summary = await system.runMachine(1, load);
  expectAllAnswered(summary, recorder.rows.size);
  assert.equal(logger.voted.size, recorder.rows.size);
});

test('a foreign machine and voting-machine share a topic and its services', async () => {
  await system.startRecorder();
  await system.startLogger();
  const machine = await join(new ForeignMachine(system.client(), 2));
  const votes = Array.from({ length: 50 }, (_, voter) => ({
    machine_ID: 2,
    voter_ID: voter,
    voting: 1,
    election_ID: system.election,
    UUID: uuid1(),
  }));
  const [summary, ...answers] = await Promise.all([
    system.runMachine(1, load),
    ...votes.map((vote) => machine.vote(vote)),
  ]);
  assert.equal(summary.pending, 0);
  const accepted = answers.filter((answer) => answer.result === 'successful').length;
  assert.equal(await system.rowCount(), summary.successful + accepted);
  assert.equal(await system.markCount(), summary.successful + accepted);
});
