// The table that bench/election prints.

import { kinds } from './run.mjs';

export function median(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const sum = (values) => (values.includes(null) ? null : values.reduce((total, value) => total + value, 0));
const fixed = (digits) => (value) =>
  value === null ? '-' : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const lines = [
  ['votes/s', (run) => run.votesPerSecond, fixed(0)],
  ['median ms', (run) => run.medianMs, fixed(1)],
  ['p99 ms', (run) => run.p99Ms, fixed(1)],
  ...byKind('cpuUs', 'processor us/vote', 1),
  ...byKind('writtenBytes', 'written bytes/vote', 0),
  ...byKind('syncs', 'syncs/vote', 4),
  ...byKind('peakBytes', 'peak MB', 0, 1e6),
  ['disk MB per million votes', (run) => run.diskBytes / run.votes, fixed(0)],
];

function byKind(key, heading, digits, unit = 1) {
  const of = (value) => (value === null ? null : value / unit);
  return [
    [`${heading}: all`, (run) => of(sum(run[key])), fixed(digits)],
    ...kinds.map((kind, i) => [`  ${kind}`, (run) => of(run[key][i]), fixed(digits)]),
  ];
}

// `builds` holds { name, runs }, the runs as runElection() returns them. The last columns compare each
// build with the first one: the median of the ratios within a run.
export function table(builds) {
  const [first, ...others] = builds;
  const rows = [['', ...builds.map(({ name }) => name), ...others.map(({ name }) => `${name} / ${first.name}`)]];
  for (const [heading, figure, text] of lines) {
    const values = builds.map(({ runs }) => runs.map(figure));
    const ratios = others.map((_, i) => {
      const each = values[i + 1].map((value, run) =>
        value === null || !values[0][run] ? null : value / values[0][run],
      );
      return fixed(2)(median(each));
    });
    rows.push([heading, ...values.map((each) => text(median(each))), ...ratios]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
}

export function tenthsLines(builds) {
  return builds.map(({ name, runs }) => {
    const rates = runs[0].tenths.map((_, i) => median(runs.map((run) => run.tenths[i])));
    const share = Math.round((rates.at(-1) * 100) / rates[0]);
    return `${name}: votes/s in each tenth ${rates.map(fixed(0)).join(' ')} (last/first ${share} %)`;
  });
}
