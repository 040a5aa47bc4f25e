// Combines the summaries of the machines and the contents of the stores into one summary.

const percentiles = { p50: 0.5, p95: 0.95, p99: 0.99 };

// Adds up histograms of the form [[upper bound, count], ...]. The result is in ascending order.
export function mergeHistograms(histograms) {
  const counts = new Map();
  for (const [bound, count] of histograms.flat()) counts.set(bound, (counts.get(bound) ?? 0) + count);
  return [...counts].sort(([a], [b]) => a - b);
}

// The smallest bound that at least `share` of all values do not exceed; null for an empty histogram.
export function quantile(histogram, share) {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  let left = Math.ceil(total * share);
  for (const [bound, count] of histogram) {
    left -= count;
    if (left <= 0) return bound;
  }
  return histogram.at(-1)[0];
}

export function latencyMs(histogramUs) {
  const ms = (us) => (us === null ? null : Math.round(us) / 1_000);
  return Object.fromEntries(
    Object.entries(percentiles).map(([name, share]) => [name, ms(quantile(histogramUs, share))]),
  );
}

const sum = (machines, key) => machines.reduce((total, machine) => total + machine[key], 0);
const answered = (machine) => machine.successful + machine.already_voted + machine.rejected;

// All answers, divided by the time from the start of the first machine to the end of the last one.
export function votesPerSecond(machines) {
  const started = Math.min(...machines.map((machine) => machine.started_ms));
  const finished = Math.max(...machines.map((machine) => machine.finished_ms));
  const votes = machines.reduce((total, machine) => total + answered(machine), 0);
  return finished > started ? Math.round((votes * 10_000) / (finished - started)) / 10 : 0;
}

// `machines` holds the objects that voting-machine wrote to its --summary files. `stores` is
// { rows, marks, tally }, with the tally as { election: { choice: votes } }.
export function summarise(machines, stores) {
  return {
    sent: sum(machines, 'sent'),
    successful: sum(machines, 'successful'),
    already_voted: sum(machines, 'already_voted'),
    rejected: sum(machines, 'rejected'),
    pending: sum(machines, 'pending'),
    rows: stores.rows,
    marks: stores.marks,
    tally: stores.tally,
    votes_per_second: votesPerSecond(machines),
    latency_ms: latencyMs(mergeHistograms(machines.map((machine) => machine.latency_histogram_us))),
  };
}

// Returns a sentence for each thing that must hold when all votes are answered, but does not.
export function disagreements(summary) {
  if (summary.pending > 0) return [`${summary.pending} votes were not answered`];
  const found = [];
  if (summary.rows !== summary.successful) {
    found.push(`${summary.successful} votes were accepted, but PostgreSQL holds ${summary.rows}`);
  }
  if (summary.marks !== summary.successful) {
    found.push(`${summary.successful} votes were accepted, but Redis has ${summary.marks} voters marked`);
  }
  return found;
}
