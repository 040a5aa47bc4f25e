import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import {
  progressLine,
  showsEachVote,
} from '../../scripts/demo.d/machines.mjs';
import { countInMetrics } from '../../scripts/local.d/http.mjs';
import { forEachLine } from '../../scripts/local.d/lines.mjs';
import { renderTable } from '../../scripts/demo.d/table.mjs';

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

test('the table has a line for each machine, one for all, the stores and the tally', () => {
  assert.deepEqual(renderTable([{ machine: 3, ...figures }], summary), [
    '            sent  successful  already voted  rejected  pending  votes/s     p50     p95  p99',
    'machine 3  1,200         100          1,100         0        0      412  1.3 ms  2.0 ms    -',
    'all 1      1,200         100          1,100         0        0      412  1.3 ms  2.0 ms    -',
    '',
    'rows in PostgreSQL  100',
    'marks in Redis      100',
    '',
    'Tally of election 12',
    `  choice 0  ${'█'.repeat(40)}  75 (75.0 %)`,
    `  choice 2  ${'█'.repeat(13)}${' '.repeat(27)}  25 (25.0 %)`,
  ]);
});

test('many machines are shown as one line', () => {
  const machines = Array.from({ length: 50 }, (_, i) => ({ machine: i + 1, ...figures }));
  const lines = renderTable(machines, summary);
  assert.equal(lines.filter((line) => line.startsWith('machine ')).length, 0);
  assert.equal(lines.filter((line) => line.startsWith('all 50')).length, 1);
});

test('lines are whole, however the stream cuts them', async () => {
  const stream = new PassThrough();
  const lines = [];
  forEachLine(stream, (line) => lines.push(line));
  for (const chunk of ['a', 'b\nc', '\n\nüb', 'er']) stream.write(chunk);
  stream.end();
  await new Promise((resolve) => stream.once('end', resolve));
  assert.deepEqual(lines, ['ab', 'c', '', 'über']);
});

test('progress says how far, how fast and for how long', () => {
  const text = progressLine(1_500, 6_000, 3, 499.6);
  assert.equal(text, '1,500 of 6,000 votes answered (25 %), 500 a second, 3 s');
});

test('answers that came twice do not make more than all of them', () => {
  assert.match(progressLine(6_007, 6_000, 3, 0), /^6,000 of 6,000 votes answered \(100 %\)/);
});

test('a counter is the sum over its labels, and nothing else of a similar name', () => {
  const text = '# TYPE votes counter\nvotes{a="b"} 3\nvotes{a="c"} 4\nvotes_total 9\n';
  assert.equal(countInMetrics(text, 'votes'), 7);
  assert.equal(countInMetrics(text, 'answers'), undefined);
});

test('each vote is shown when they are few and come one after the other', () => {
  assert.ok(showsEachVote({ machines: 3, votes: 200, inFlight: 1 }));
  assert.ok(!showsEachVote({ machines: 3, votes: 200, inFlight: 10 }));
  assert.ok(!showsEachVote({ machines: 3, votes: 2_000, inFlight: 1 }));
});
