import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as summary from '../../scripts/demo.d/summary.mjs';

const machine = (values) => ({
  machine: 1,
  sent: 10,
  successful: 4,
  already_voted: 5,
  rejected: 1,
  pending: 0,
  started_ms: 1_000,
  finished_ms: 2_000,
  latency_histogram_us: [[1_000, 9], [5_000, 1]],
  ...values,
});

test('histograms are added bound by bound, in ascending order', () => {
  const merged = summary.mergeHistograms([[[2_000, 1], [4_000, 2]], [[1_000, 3], [2_000, 4]], []]);
  assert.deepEqual(merged, [[1_000, 3], [2_000, 5], [4_000, 2]]);
});

test('a quantile is the smallest bound that this share of the values does not exceed', () => {
  const histogram = [[1, 50], [2, 45], [3, 5]];
  assert.equal(summary.quantile(histogram, 0.5), 1);
  assert.equal(summary.quantile(histogram, 0.51), 2);
  assert.equal(summary.quantile(histogram, 0.95), 2);
  assert.equal(summary.quantile(histogram, 0.99), 3);
  assert.equal(summary.quantile([[7, 1]], 0.5), 7);
});

test('without answers, all latencies are null', () => {
  assert.deepEqual(summary.latencyMs([]), { p50: null, p95: null, p99: null });
});

test('the rate is that of all answers, from the first start to the last end', () => {
  const machines = [machine(), machine({ started_ms: 1_500, finished_ms: 5_000, rejected: 2 })];
  assert.equal(summary.votesPerSecond(machines), 5.3);
});

test('the summary has exactly the documented fields', () => {
  const stores = { rows: 8, marks: 8, tally: { 12: { 0: 5, 3: 3 } } };
  assert.deepEqual(summary.summarise([machine(), machine()], stores), {
    sent: 20,
    successful: 8,
    already_voted: 10,
    rejected: 2,
    pending: 0,
    rows: 8,
    marks: 8,
    tally: { 12: { 0: 5, 3: 3 } },
    votes_per_second: 20,
    latency_ms: { p50: 1, p95: 5, p99: 5 },
  });
});

test('stores that differ from the accepted votes are reported', () => {
  const good = { successful: 8, rows: 8, marks: 8, pending: 0 };
  assert.deepEqual(summary.disagreements(good), []);
  assert.equal(summary.disagreements({ ...good, rows: 7 }).length, 1);
  assert.equal(summary.disagreements({ ...good, rows: 9, marks: 9 }).length, 2);
});

test('while votes are pending, the stores may hold more than was answered', () => {
  const found = summary.disagreements({ successful: 7, rows: 8, marks: 8, pending: 1 });
  assert.deepEqual(found, ['1 votes were not answered']);
});
