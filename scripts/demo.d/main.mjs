// scripts/demo: starts an election, runs machines against it, shows the result, stops it all.

import { writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Interrupted, exitCodes, interruption, makeFolder, showFailure } from '../local.d/running.mjs';
import { Election } from './election.mjs';
import { parseFlagsOrExit } from './flags.mjs';
import { showMachines, showsEachVote } from './machines.mjs';
import { disagreements, summarise } from './summary.mjs';
import { renderTable } from './table.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

async function runMachines(election, options, endOf) {
  const machines = await election.startMachines({ quiet: !showsEachVote(options) });
  const shown = showMachines(machines, options);
  const summaries = await endOf(election.machineSummaries()).finally(() => shown.finish());
  const summary = summarise(summaries, await endOf(election.storesContent()));
  console.log(['', ...renderTable(summaries, summary)].join('\n'));
  if (options.summary) writeFileSync(options.summary, `${JSON.stringify(summary, null, 2)}\n`);
  const wrong = disagreements(summary);
  for (const sentence of wrong) console.log(`\nNot as it should be: ${sentence}.`);
  return wrong.length === 0 ? exitCodes.ok : exitCodes.failed;
}

async function main() {
  const options = parseFlagsOrExit(process.argv.slice(2));
  options.seed ??= Math.floor(Math.random() * 1_000_000);
  if (options.summary) options.summary = resolve(options.summary);
  const election = new Election({
    options,
    folder: makeFolder(root),
    scripts: join(root, 'scripts'),
    programs: process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'release', 'bin'),
    report: (text) => console.log(text),
  });
  const interrupted = interruption(() => {
    election.kill();
    process.exit(exitCodes.interrupted);
  });
  const endOf = (work) => Promise.race([work, election.failure, interrupted]);

  let result;
  let done = false;
  try {
    await endOf(election.start());
    console.log(`${options.machines} voting machines, ${options.votes} votes each, seed ${options.seed}\n`);
    result = await runMachines(election, options, endOf);
    done = true;
    if (!options.exit) {
      console.log(`\nThe election stays open until Ctrl-C. One more machine:\n\n  ${election.oneMoreMachine()}\n`);
      await endOf(new Promise(() => {}));
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) {
      showFailure('demo', error);
      result = exitCodes.failed;
    } else if (!done) {
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
