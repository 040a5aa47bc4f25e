// The table and the bars that the demo prints when its machines are done.

const maxBarWidth = 40;
// With more machines than that, only the line for all machines is shown.
const maxMachineRows = 12;

const count = (number) => number.toLocaleString('en-US');
const ms = (value) => (value === null ? '-' : `${value.toFixed(1)} ms`);

const columns = [
  ['sent', (row) => count(row.sent)],
  ['successful', (row) => count(row.successful)],
  ['already voted', (row) => count(row.already_voted)],
  ['rejected', (row) => count(row.rejected)],
  ['pending', (row) => count(row.pending)],
  ['votes/s', (row) => (row.votes_per_second === null ? '-' : count(Math.round(row.votes_per_second)))],
  ['median', (row) => ms(row.latency_ms.p50)],
  ['p95', (row) => ms(row.latency_ms.p95)],
  ['p99', (row) => ms(row.latency_ms.p99)],
];

// Right-aligned columns below their headings; the first column is left-aligned.
function aligned(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join('  '),
  );
}

// The shares of `counts` in per cent, with one decimal, as texts. They add up to exactly 100.0: what
// rounding down leaves over goes to the shares with the largest remainders.
export function percentages(counts) {
  const total = counts.reduce((sum, value) => sum + value, 0);
  if (total === 0) return counts.map(() => '-');
  const exact = counts.map((value) => (value * 1_000) / total);
  const tenths = exact.map(Math.floor);
  const missing = 1_000 - tenths.reduce((sum, value) => sum + value, 0);
  const byRemainder = exact
    .map((value, i) => ({ i, remainder: value - tenths[i] }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of byRemainder.slice(0, missing)) tenths[i] += 1;
  return tenths.map((value) => `${(value / 10).toFixed(1)} %`);
}

// One bar for each choice from 0 to `choices` - 1, and for each other choice that has votes. With
// `before`, the votes of an earlier moment, the last column shows the votes added since.
function bars(votes, choices, before) {
  const names = new Set([...Array.from({ length: choices }, (_, i) => String(i)), ...Object.keys(votes)]);
  const entries = [...names].sort((a, b) => a - b).map((choice) => [choice, votes[choice] ?? 0]);
  const most = Math.max(1, ...entries.map(([, value]) => value));
  const shares = percentages(entries.map(([, value]) => value));
  const rows = entries.map(([choice, value], i) => {
    const width = value === 0 ? 0 : Math.max(1, Math.round((value / most) * maxBarWidth));
    const added = before ? [`+${count(value - (before[choice] ?? 0))}`] : [];
    return [`  choice ${choice}`, '█'.repeat(width).padEnd(maxBarWidth), count(value), shares[i], ...added];
  });
  return aligned(rows);
}

function storesLines({ successful, rows, marks }) {
  const agree = rows === successful && marks === successful;
  return [
    ...aligned([
      ['votes answered "successful"', count(successful)],
      ['votes stored in PostgreSQL', count(rows)],
      ['voters marked in Redis', count(marks)],
    ]),
    ...(agree ? ['These three agree: each accepted vote is stored exactly once.'] : []),
  ];
}

// Returns the lines of the table. `machines` holds the objects that voting-machine writes, `summary`
// comes from summarise(). `before` is the summary of an earlier table: then the tally shows the
// votes added since.
export function renderTable(machines, summary, { election, choices, before }) {
  const shown = machines.length <= maxMachineRows ? machines : [];
  const rows = [
    ['', ...columns.map(([heading]) => heading)],
    ...shown.map((machine) => [`machine ${machine.machine}`, ...columns.map(([, cell]) => cell(machine))]),
    [`all ${machines.length}`, ...columns.map(([, cell]) => cell(summary))],
  ];
  return [
    ...aligned(rows),
    '(median, p95, p99: time from casting a vote to its answer)',
    '',
    ...storesLines(summary),
    '',
    `Votes in election ${election}${before ? ', and how many were added since the last table' : ''}`,
    ...bars(summary.tally[election] ?? {}, choices, before && (before.tally[election] ?? {})),
  ];
}
