import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { progressLine, showsEachVote, voteDescriber } from '../../scripts/demo.d/machines.mjs';
import { countInMetrics } from '../../scripts/local.d/http.mjs';
import { forEachLine } from '../../scripts/local.d/lines.mjs';
import { percentages, renderTable } from '../../scripts/demo.d/table.mjs';

const figures = {
  sent: 1_200,
  successful: 100,
  already_voted: 1_100,
  rejected: 0,
  pending: 0,
  votes_per_second: 412.4,
  latency_ms: { p50: 1.25, p95: 2, p99: null },
};
const summary = { ...figures, rows: 100, marks: 100, tally: { 12: { 0: 75, 2: 25 } } };

const election = { election: 12, choices: 4 };

test('the table has a line for each machine, one for all, the stores, and a bar for each choice', () => {
  assert.deepEqual(renderTable([{ machine: 3, ...figures }], summary, election), [
    '            sent  successful  already voted  rejected  pending  votes/s  median     p95  p99',
    'machine 3  1,200         100          1,100         0        0      412  1.3 ms  2.0 ms    -',
    'all 1      1,200         100          1,100         0        0      412  1.3 ms  2.0 ms    -',
    '(median, p95, p99: time from casting a vote to its answer)',
    '',
    'votes answered "successful"  100',
    'votes stored in PostgreSQL   100',
    'voters marked in Redis       100',
    'These three agree: each accepted vote is stored exactly once.',
    '',
    'Votes in election 12',
    `  choice 0  ${'█'.repeat(40)}  75  75.0 %`,
    `  choice 1  ${' '.repeat(40)}   0   0.0 %`,
    `  choice 2  ${'█'.repeat(13)}${' '.repeat(27)}  25  25.0 %`,
    `  choice 3  ${' '.repeat(40)}   0   0.0 %`,
  ]);
});

test('stores that disagree are not said to agree', () => {
  const lines = renderTable([{ machine: 3, ...figures }], { ...summary, marks: 99 }, election);
  assert.ok(!lines.some((line) => line.includes('agree')));
});

test('a second table shows how many votes each choice has gained', () => {
  const before = { ...summary, tally: { 12: { 0: 70, 2: 25 } } };
  const lines = renderTable([{ machine: 3, ...figures }], summary, { ...election, before });
  assert.deepEqual(lines.slice(-4).map((line) => line.trim().split(/\s+/).at(-1)), ['+5', '+0', '+0', '+0']);
});

test('an election without votes has no percentages', () => {
  const lines = renderTable([{ machine: 3, ...figures }], { ...summary, tally: {} }, election);
  assert.equal(lines.at(-1).trim().replaceAll(/\s+/g, ' '), 'choice 3 0 -');
});

test('percentages add up to 100.0, whatever the votes are', () => {
  assert.deepEqual(percentages([1, 1, 1]), ['33.4 %', '33.3 %', '33.3 %']);
  assert.deepEqual(percentages([2, 1, 0]), ['66.7 %', '33.3 %', '0.0 %']);
  assert.deepEqual(percentages([0, 0]), ['-', '-']);
  assert.deepEqual(percentages([]), []);
  for (let a = 0; a < 40; a++) {
    for (let b = 1; b < 40; b++) {
      const tenths = percentages([a, b, 7, 3]).map((text) => Number(text.replace(/[. %]/g, '')));
      assert.equal(tenths.reduce((sum, value) => sum + value), 1_000, `${a} ${b}`);
    }
  }
});

test('with many machines, only the line for all of them is shown', () => {
  const machines = Array.from({ length: 50 }, (_, i) => ({ machine: i + 1, ...figures }));
  const lines = renderTable(machines, summary, election);
  assert.equal(lines.filter((line) => line.startsWith('machine ')).length, 0);
  assert.equal(lines.filter((line) => line.startsWith('all 50')).length, 1);
});

const sent = (voter, uuid) =>
  `The message {"machine_ID":1,"voter_ID":${voter},"voting":4,"election_ID":12,"UUID":"${uuid}"} is sent`;
const received = (result, uuid, more = '') => `Received {"result":"${result}","UUID":"${uuid}"${more}}.`;

test('each answer becomes one line that names voter, choice and result', () => {
  const describe = voteDescriber(2);
  assert.deepEqual(describe('Listening for messages on projects/p/subscriptions/s..'), []);
  assert.deepEqual(describe(sent(7, 'a')), []);
  assert.deepEqual(describe(received('successful', 'a')), ['voter  7 chooses 4: recorded']);
  describe(sent(7, 'b'));
  assert.deepEqual(describe(received('Already Voted!!!', 'b')), [
    'voter  7 chooses 4: refused, this voter has voted before',
  ]);
  describe(sent(88, 'c'));
  assert.deepEqual(describe(received('Rejected', 'c', ',"reason":"no such choice"')), [
    'voter 88 chooses 4: Rejected: no such choice',
  ]);
});

test('a time-out names the vote, and its late answer is shown when it comes', () => {
  const describe = voteDescriber();
  describe(sent(7, 'a'));
  assert.deepEqual(describe('Time out'), [
    'voter 7 chooses 4: no answer for 10 s (Time out); the machine keeps the vote and sends it again',
  ]);
  describe(sent(8, 'b'));
  assert.deepEqual(describe(received('successful', 'a')), ['voter 7 chooses 4: recorded']);
});

test('an answer that is faster than the line of its vote is shown after that line', () => {
  const describe = voteDescriber();
  assert.deepEqual(describe(received('successful', 'a')), []);
  assert.deepEqual(describe(sent(7, 'a')), ['voter 7 chooses 4: recorded']);
  assert.deepEqual(describe(sent(7, 'a')), []);
});

test('lines of a machine that are not understood are shown as they are', () => {
  const describe = voteDescriber();
  for (const line of ['anything else', 'Received {broken}.', 'The message {broken is sent']) {
    assert.deepEqual(describe(line), [line]);
  }
});

test('lines arrive whole, wherever the stream is cut', async () => {
  const stream = new PassThrough();
  const lines = [];
  forEachLine(stream, (line) => lines.push(line));
  for (const chunk of ['a', 'b\nc', '\n\nüb', 'er']) stream.write(chunk);
  stream.end();
  await new Promise((resolve) => stream.once('end', resolve));
  assert.deepEqual(lines, ['ab', 'c', '', 'über']);
});

test('progress shows share, rate and time', () => {
  const text = progressLine(1_500, 6_000, 3, 499.6);
  assert.equal(text, '1,500 of 6,000 votes answered (25 %), 500 a second, 3 s');
});

test('answers that arrive twice do not raise progress above 100 %', () => {
  assert.match(progressLine(6_007, 6_000, 3, 0), /^6,000 of 6,000 votes answered \(100 %\)/);
});

test('a counter is summed over its labels, without counters of similar names', () => {
  const text = '# TYPE votes counter\nvotes{a="b"} 3\nvotes{a="c"} 4\nvotes_total 9\n';
  assert.equal(countInMetrics(text, 'votes'), 7);
  assert.equal(countInMetrics(text, 'answers'), undefined);
});

test('single votes are shown if they are few and cast one after the other', () => {
  assert.ok(showsEachVote({ machines: 3, votes: 200, inFlight: 1 }));
  assert.ok(!showsEachVote({ machines: 3, votes: 200, inFlight: 10 }));
  assert.ok(!showsEachVote({ machines: 3, votes: 2_000, inFlight: 1 }));
});
