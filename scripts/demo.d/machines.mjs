// Shows what the voting machines do: one line for each vote, or, where that would be too many lines,
// the progress of all machines together.

import { countInMetrics } from '../local.d/http.mjs';
import { forEachLine } from '../local.d/lines.mjs';

// Larger elections show their progress only.
const maxShownVotes = 2_000;
const terminalIntervalMs = 1_000;
const logIntervalMs = 10_000;

// Whether each vote is shown. voting-machine prints single votes only with one vote in flight.
export function showsEachVote({ machines, votes, inFlight }) {
  return machines * votes <= maxShownVotes && inFlight === 1;
}

export function showMachines(machines, options, output = process.stdout) {
  return showsEachVote(options)
    ? showLines(machines, options, output)
    : showProgress(machines, options.machines * options.votes, output);
}

function showLines(machines, { voters }, output) {
  const nameWidth = Math.max(...machines.map((machine) => machine.name.length));
  const voterWidth = String(voters - 1).length;
  for (const machine of machines) {
    const prefix = machine.name.padEnd(nameWidth);
    const describe = voteDescriber(voterWidth);
    forEachLine(machine.child.stdout, (line) => {
      for (const text of describe(line)) output.write(`${prefix} | ${text}\n`);
    });
  }
  return { finish() {} };
}

const wordsForResults = {
  successful: 'recorded',
  'Already Voted!!!': 'refused, this voter has voted before',
};
const timeOut = 'no answer for 10 s (Time out); the machine keeps the vote and sends it again';

// Turns the lines of one voting-machine into one line for each answer or time-out: returns a function
// from a line to the lines to show. Lines of any other form are shown as they are. An answer may be
// faster than the line of its vote, because different threads print the two: it is shown after that.
export function voteDescriber(voterWidth = 1) {
  const sent = new Map();
  const early = new Map();
  let latest;
  const describe = (vote, what) => [
    `voter ${String(vote.voter_ID).padStart(voterWidth)} chooses ${vote.voting}: ${what}`,
  ];
  const describeAnswer = ({ UUID, result, reason }) =>
    describe(sent.get(UUID), wordsForResults[result] ?? (reason ? `${result}: ${reason}` : result));
  return (line) => {
    const vote = parsed(line.match(/^The message (\{.*\}) is sent$/)?.[1]);
    if (vote) {
      sent.set(vote.UUID, vote);
      latest = vote;
      const answer = early.get(vote.UUID);
      early.delete(vote.UUID);
      return answer ? describeAnswer(answer) : [];
    }
    const answer = parsed(line.match(/^Received (\{.*\})\.$/)?.[1]);
    if (answer && sent.has(answer.UUID)) return describeAnswer(answer);
    if (answer) {
      early.set(answer.UUID, answer);
      return [];
    }
    if (line === 'Time out' && latest) return describe(latest, timeOut);
    return line === '' || line.startsWith('Listening for messages on ') ? [] : [line];
  };
}

function parsed(json) {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

export function showProgress(machines, totalVotes, output = process.stdout) {
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

// Reads from the machine's metrics how many answers it has received. A machine that has ended keeps
// its last count.
async function readAnswers(machine, answers) {
  const count = countInMetrics(await machine.metrics(), 'pollbus_bus_received_total');
  if (count !== undefined) answers.set(machine, count);
}

// The same answer may arrive twice, so there can be more answers than votes.
export function progressLine(answers, totalVotes, seconds, rate) {
  const answered = Math.min(answers, totalVotes);
  const share = Math.floor((answered * 100) / totalVotes);
  const votes = `${answered.toLocaleString('en-US')} of ${totalVotes.toLocaleString('en-US')}`;
  return `${votes} votes answered (${share} %), ${Math.round(rate)} a second, ${Math.round(seconds)} s`;
}
