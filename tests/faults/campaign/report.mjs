// Summarises the faults by kind, and what was wrong.

import { promises } from './faults.mjs';
import { kindOf } from './roster.mjs';

const seconds = (ms) => (ms === undefined ? '-' : `${(ms / 1_000).toFixed(1)}`);

function most(values) {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

// Returns one row for each kind: { kind, made, alone, metricsAfterMs, logAfterMs, overAfterMs,
// rateAfterMs, resolvedAfterMs }. The times are the longest of those that were measured alone.
export function summariseFaults(kinds, made) {
  return kinds.map((kind) => {
    const ofKind = made.filter((fault) => fault.kind === kind);
    const alone = ofKind.filter((fault) => fault.alone?.isMeasured);
    const longest = (value) => most(alone.map(value));
    return {
      kind: kind.name,
      made: ofKind.length,
      alone: alone.length,
      metricsAfterMs: longest(({ seen }) => seen?.metricsAfterMs),
      logAfterMs: longest(({ seen }) => seen?.logAfterMs),
      overAfterMs: longest(({ seen }) => seen?.overLogAfterMs ?? seen?.overMetricsAfterMs),
      rateAfterMs: longest(({ alone: found }) => found.rateAfterMs),
      resolvedAfterMs: longest(({ alone: found }) => found.resolvedAfterMs),
    };
  });
}

// Returns a sentence for each fault made alone that recovered too slowly or did not show.
export function shortcomings(made) {
  const found = [];
  for (const { kind, params, alone, isVisible, seen } of made) {
    if (!alone?.isMeasured) continue;
    const where = `${kind.name} (${params.failpoint ?? params.target})`;
    if (!(alone.rateAfterMs <= promises.rateWithinMs)) {
      found.push(
        `${where}: answers came at ${promises.rate * 100} % of the rate after ${seconds(alone.rateAfterMs)} s`,
      );
    }
    if (!(alone.resolvedAfterMs <= promises.resolvedWithinMs)) {
      found.push(`${where}: all votes answered after ${seconds(alone.resolvedAfterMs)} s`);
    }
    if (!isVisible) {
      const nowhere = ['metrics', 'log'].filter(
        (source) => seen[`${source}AfterMs`] === undefined && kind.signs(params)[source],
      );
      found.push(
        `${where}: does not show in ${nowhere.join(' and ')} of ${kind.signs(params).parts.join(', ')}`,
      );
    }
  }
  return found;
}

// A decorator that the linker left out would never be reached, and its faults would do nothing. Returns a
// sentence for each faulty program that had many failpoints and reached none. `reached`: the names of the
// parts that have logged one.
export function unreachedPrograms(made, reached) {
  const enough = 10;
  const failpoints = made.filter(({ params }) => params.failpoint);
  return ['broker', 'logger', 'recorder', 'machine']
    .map((kind) => [kind, failpoints.filter(({ params }) => kindOf(params.target) === kind).length])
    .filter(([kind, count]) => count >= enough && !reached.some((part) => kindOf(part) === kind))
    .map(([kind, count]) => `faulty-${kind}: none of ${count} failpoints was reached`);
}

const columns = [
  ['fault', (row) => row.kind],
  ['made', (row) => String(row.made)],
];
const measured = [
  ['alone', (row) => String(row.alone)],
  ['in metrics', (row) => seconds(row.metricsAfterMs)],
  ['in log', (row) => seconds(row.logAfterMs)],
  ['over in log', (row) => seconds(row.overAfterMs)],
  ['rate back', (row) => seconds(row.rateAfterMs)],
  ['all answered', (row) => seconds(row.resolvedAfterMs)],
];

const legend = [
  'Times are in seconds, the longest of the faults made alone. From the begin of a fault: until metrics and',
  'log of the part that was hit show it. From its heal: until the log says that it is over, answers come at',
  '90 % of the rate again, and all votes cast before are answered.',
];

function aligned(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const cell = (text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]));
  return rows.map((row) => row.map(cell).join('  ').trimEnd());
}

// Returns the lines of the report. `report`: what main.mjs writes to report.json.
export function renderReport(report) {
  const isMeasured = report.kinds.some(({ alone }) => alone > 0);
  const shown = isMeasured ? [...columns, ...measured] : columns;
  const table = [
    shown.map(([heading]) => heading),
    ...report.kinds.map((row) => shown.map(([, cell]) => cell(row))),
  ];
  const lines = [...aligned(table), ...(isMeasured ? ['', ...legend] : [])];
  if (report.skipped.length > 0) {
    lines.push('', 'Not made:', ...report.skipped.map(({ kind, why }) => `  ${kind}: ${why}`));
  }
  lines.push(
    '',
    `${report.faults.made} faults of ${report.faults.kinds} kinds in ${report.seconds} s, seed ${report.seed}`,
  );
  lines.push(
    `${report.votes.cast} votes cast, ${report.votes.answered} answered, ${report.votes.pending} without an answer`,
  );
  if (report.lastHeal) {
    lines.push(
      `After the last fault: rate back in ${seconds(report.lastHeal.rateAfterMs)} s, all answered in ${seconds(report.lastHeal.resolvedAfterMs)} s`,
    );
  }
  lines.push(`The election was closed by ${report.closedBy}`);
  lines.push(
    report.violations === undefined ? 'The checker could not judge.' : `${report.violations} violations`,
  );
  if (report.problems.length > 0)
    lines.push('', 'What was wrong:', ...report.problems.map((text) => `  ${text}`));
  return lines;
}
