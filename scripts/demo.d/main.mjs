// scripts/demo: starts an election, runs machines in it, shows the result and stops everything.

import { writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { removeFolder } from '../local.d/folders.mjs';
import { Interrupted, exitCodes, interruption, makeFolder, showFailure } from '../local.d/running.mjs';
import { Election, choices, electionId } from './election.mjs';
import { isHeld, parseFlagsOrExit } from './flags.mjs';
import { HeldElection } from './held_election.mjs';
import { hold } from './hold.mjs';
import { showMachines, showsEachVote } from './machines.mjs';
import { disagreements, summarise } from './summary.mjs';
import { renderTable } from './table.mjs';
import { castingText, runningText, stayingText } from './texts.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
// How long, at Ctrl-C, votes that are still on their way to PostgreSQL are waited for.
const settlingDeadlineMs = 3_000;
const settlingPauseMs = 100;

// Prints text on lines of its own, also where a progress line is on the terminal.
function say(text) {
  console.log(process.stdout.isTTY ? `\r\x1b[K${text}` : text);
}

// Runs the machines to their end. Returns their summaries, the summary of all, and the exit code.
async function runMachines(election, options, endOf) {
  const machines = await election.startMachines({ quiet: !showsEachVote(options) });
  const shown = showMachines(machines, options);
  const summaries = await endOf(election.machineSummaries()).finally(() => shown.finish());
  const summary = summarise(summaries, await endOf(election.storesContent()));
  console.log(['', ...renderTable(summaries, summary, { election: electionId, choices })].join('\n'));
  if (options.summary) writeFileSync(options.summary, `${JSON.stringify(summary, null, 2)}\n`);
  const wrong = disagreements(summary);
  for (const sentence of wrong) console.log(`\nThis is wrong: ${sentence}.`);
  return { summaries, summary, result: wrong.length === 0 ? exitCodes.ok : exitCodes.failed };
}

// Every voter is marked before the vote is stored: reads the stores again until both have the same.
async function settledContent(election) {
  const deadline = Date.now() + settlingDeadlineMs;
  let content = await election.storesContent();
  while (content.marks !== content.rows && Date.now() < deadline) {
    await pause(settlingPauseMs);
    content = await election.storesContent();
  }
  return content;
}

// Prints the table again, with what machines outside of the demo have added.
async function showAdditions(election, { summaries, summary: before }) {
  const content = await settledContent(election);
  if (content.rows === before.rows && content.marks === before.marks) {
    console.log('\nNo vote was added since the table above.');
    return;
  }
  const machines = [...summaries, ...election.summariesOfMoreMachines()];
  // The machines did not run at the same time, so a common rate would say nothing.
  const summary = { ...summarise(machines, content), votes_per_second: null };
  console.log(['', ...renderTable(machines, summary, { election: electionId, choices, before })].join('\n'));
  if (content.rows > summary.successful) {
    console.log('Votes of machines that are still running are in the tally, but not in the table.');
  }
}

function makeElection(options) {
  const parts = {
    options,
    folder: makeFolder(root),
    scripts: join(root, 'scripts'),
    programs: process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'release', 'bin'),
    report: say,
  };
  try {
    return isHeld(options) ? new HeldElection(parts) : new Election(parts);
  } catch (error) {
    removeFolder(parts.folder);
    showFailure('demo', error);
    return process.exit(exitCodes.failed);
  }
}

async function main() {
  const options = parseFlagsOrExit(process.argv.slice(2));
  options.seed ??= Math.floor(Math.random() * 1_000_000);
  if (options.summary) options.summary = resolve(options.summary);
  const election = makeElection(options);
  const interrupted = interruption(() => {
    election.kill();
    process.exit(exitCodes.interrupted);
  });
  const endOf = (work) => Promise.race([work, election.failure, interrupted]);

  let run;
  let result;
  try {
    await endOf(election.start());
    console.log(runningText(election));
    if (isHeld(options)) {
      result = exitCodes.ok; // also when Ctrl-C ends it
      result = await hold(election, endOf, say);
    } else {
      console.log(castingText(options));
      run = await runMachines(election, options, endOf);
      result = run.result;
    }
    if (!options.exit) {
      if (run) console.log(stayingText(election));
      await endOf(new Promise(() => {}));
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) {
      showFailure('demo', error);
      result = exitCodes.failed;
    } else if (result !== undefined && !run) {
      say('');
    } else if (run) {
      await showAdditions(election, run).catch((trouble) => showFailure('demo', trouble));
    } else {
      result = exitCodes.interrupted;
    }
  }

  for (const failure of await election.stop()) {
    showFailure('demo', failure);
    result = exitCodes.failed;
  }
  if (result === exitCodes.failed || options.keep) {
    console.error(`\nLogs and data are kept in ${relative(process.cwd(), election.folder)}`);
  } else {
    election.removeFiles();
  }
  process.exit(result);
}

await main();
