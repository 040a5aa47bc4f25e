// What the demo prints at its end.

const maxBarWidth = 40;
// More machines than that are shown as one line.
const maxMachineRows = 12;

const count = (number) => number.toLocaleString('en-US');
const ms = (value) => (value === null ? '-' : `${value.toFixed(1)} ms`);

const columns = [
  ['sent', (row) => count(row.sent)],
  ['successful', (row) => count(row.successful)],
  ['already voted', (row) => count(row.already_voted)],
  ['rejected', (row) => count(row.rejected)],
  ['pending', (row) => count(row.pending)],
  ['votes/s', (row) => count(Math.round(row.votes_per_second))],
  ['p50', (row) => ms(row.latency_ms.p50)],
  ['p95', (row) => ms(row.latency_ms.p95)],
  ['p99', (row) => ms(row.latency_ms.p99)],
];

// Right-aligned columns below their headings, the first one left-aligned.
function aligned(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join('  '),
  );
}

function bars(votesByChoice) {
  const entries = Object.entries(votesByChoice).sort(([a], [b]) => a - b);
  const most = Math.max(...entries.map(([, votes]) => votes));
  const total = entries.reduce((sum, [, votes]) => sum + votes, 0);
  const width = Math.max(...entries.map(([choice]) => choice.length));
  return entries.map(([choice, votes]) => {
    const bar = '█'.repeat(Math.max(1, Math.round((votes / most) * maxBarWidth)));
    const share = ((votes / total) * 100).toFixed(1);
    return `  choice ${choice.padStart(width)}  ${bar.padEnd(maxBarWidth)}  ${count(votes)} (${share} %)`;
  });
}

// Lines. `machines` as voting-machine writes them, `summary` as summarise() makes it.
export function renderTable(machines, summary) {
  const shown = machines.length <= maxMachineRows ? machines : [];
  const rows = [
    ['', ...columns.map(([heading]) => heading)],
    ...shown.map((machine) => [
      `machine ${machine.machine}`,
      ...columns.map(([, cell]) => cell(machine)),
    ]),
    [`all ${machines.length}`, ...columns.map(([, cell]) => cell(summary))],
  ];
  const lines = [
    ...aligned(rows),
    '',
    ...aligned([
      ['rows in PostgreSQL', count(summary.rows)],
      ['marks in Redis', count(summary.marks)],
    ]),
  ];
  for (const [election, votesByChoice] of Object.entries(summary.tally)) {
    lines.push('', `Tally of election ${election}`, ...bars(votesByChoice));
  }
  return lines;
}
