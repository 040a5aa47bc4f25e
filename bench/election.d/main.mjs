// bench/election: measures elections of several builds, which take turns.

import { existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Interrupted, exitCodes, interruption, showFailure } from '../../scripts/local.d/running.mjs';
import { parseFlagsOrExit, programsIn } from './flags.mjs';
import { table, tenthsLines } from './report.mjs';
import { runElection } from './run.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

// Builds to measure: this checkout first. A folder without scripts is started by those of this checkout.
function buildsOf(options) {
  const programs = process.env.POLLBUS_PROGRAMS ?? programsIn(root);
  const own = { name: 'this build', root, programs, work: root, options };
  const more = [];
  if (options.viewers) {
    own.options = { ...options, viewers: 0 };
    more.push({ ...own, name: `${options.viewers} viewers`, options });
  }
  if (options.compareKeys) more.push({ ...own, name: 'without keys', options: { ...options, open: true } });
  if (options.compareRules) more.push({ ...own, name: 'undefined', options: { ...options, rules: 'undefined' } });
  for (const folder of options.against) {
    const hasScripts = existsSync(join(folder, 'scripts', 'demo.d', 'election.mjs'));
    more.push({
      name: basename(folder),
      root: hasScripts ? folder : root,
      programs: programsIn(folder),
      work: root,
      options: { ...options, rules: 'undefined' },
    });
  }
  return [own, ...more];
}

async function main() {
  const options = parseFlagsOrExit(process.argv.slice(2));
  if (options.summary) options.summary = resolve(options.summary);
  const builds = buildsOf(options).map((build) => ({ ...build, runs: [] }));
  let current;
  const interrupted = interruption(() => {
    current?.kill();
    process.exit(exitCodes.interrupted);
  });
  const onStart = (election) => {
    current = election;
  };
  try {
    for (let run = 0; run < options.runs; run++) {
      for (const build of builds) {
        const figures = await runElection(build, { interrupted, onStart });
        build.runs.push(figures);
        const rate = Math.round(figures.votesPerSecond).toLocaleString('en-US');
        console.error(`run ${run + 1}, ${build.name}: ${rate} votes/s`);
      }
    }
  } catch (error) {
    if (error instanceof Interrupted) process.exit(exitCodes.interrupted);
    showFailure('bench/election', error);
    process.exit(exitCodes.failed);
  }
  console.log(table(builds).join('\n'));
  if (options.tenths) console.log(['', ...tenthsLines(builds)].join('\n'));
  if (options.summary) {
    const figures = builds.map(({ name, runs }) => ({ name, runs }));
    writeFileSync(options.summary, `${JSON.stringify(figures, null, 2)}\n`);
  }
  process.exit(exitCodes.ok);
}

await main();
