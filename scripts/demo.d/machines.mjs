// Shows what the voting machines print: each line with its machine, or, where that would be a flood,
// how far they are.

import { countInMetrics } from '../local.d/http.mjs';
import { forEachLine } from '../local.d/lines.mjs';

// More votes than that are not shown one by one.
const maxShownVotes = 2_000;
const terminalIntervalMs = 1_000;
const logIntervalMs = 10_000;

// Whether each vote is shown. voting-machine itself prints none where many are under way at once.
export function showsEachVote({ machines, votes, inFlight }) {
  return machines * votes <= maxShownVotes && inFlight === 1;
}

export function showMachines(machines, options, output = process.stdout) {
  return showsEachVote(options)
    ? showLines(machines, output)
    : showProgress(machines, options.machines * options.votes, output);
}

function showLines(machines, output) {
  const width = Math.max(...machines.map((machine) => machine.name.length));
  for (const machine of machines) {
    const prefix = machine.name.padEnd(width);
    forEachLine(machine.child.stdout, (line) => {
      if (line !== '') output.write(`${prefix} | ${line}\n`);
    });
  }
  return { finish() {} };
}

function showProgress(machines, totalVotes, output) {
  const started = Date.now();
  const answers = new Map();
  let before = { at: started, answers: 0 };
  for (const machine of machines) machine.child.stdout.resume();
  const show = async () => {
    await Promise.all(machines.map((machine) => readAnswers(machine, answers)));
    const now = { at: Date.now(), answers: [...answers.values()].reduce((sum, count) => sum + count, 0) };
    const rate = ((now.answers - before.answers) * 1_000) / Math.max(1, now.at - before.at);
    before = now;
    const text = progressLine(now.answers, totalVotes, (now.at - started) / 1_000, rate);
    if (!finished) output.write(output.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  };
  let finished = false;
  const timer = setInterval(show, output.isTTY ? terminalIntervalMs : logIntervalMs);
  return {
    finish() {
      finished = true;
      clearInterval(timer);
      if (output.isTTY) output.write('\r\x1b[K');
    },
  };
}

// Answers that a machine got so far, by its metrics; a machine that has ended keeps its last count.
async function readAnswers(machine, answers) {
  const count = countInMetrics(await machine.metrics(), 'pollbus_bus_received_total');
  if (count !== undefined) answers.set(machine, count);
}

// An answer may come twice, so that there may be more of them than votes.
export function progressLine(answers, totalVotes, seconds, rate) {
  const answered = Math.min(answers, totalVotes);
  const share = Math.floor((answered * 100) / totalVotes);
  const votes = `${answered.toLocaleString('en-US')} of ${totalVotes.toLocaleString('en-US')}`;
  return `${votes} votes answered (${share} %), ${Math.round(rate)} a second, ${Math.round(seconds)} s`;
}
