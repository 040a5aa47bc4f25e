// scripts/faults: runs an election, makes faults, and prints the verdict.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { removeFolder } from '../../../scripts/local.d/folders.mjs';
import { exitCodes } from '../../../scripts/local.d/running.mjs';
import { findAbilities, whyNoMutant } from './abilities.mjs';
import { Campaign } from './campaign.mjs';
import { parseFlagsOrExit } from './flags.mjs';
import { allKinds } from './kinds/all.mjs';
import { LoopbackNetwork, NamespacedNetwork } from './network.mjs';
import { drawPlan } from './plan.mjs';
import { renderReport } from './report.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const isolated = process.env.POLLBUS_FAULTS_ISOLATED === '1';
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'release', 'bin');

function makeFolder(options) {
  if (options.output) {
    mkdirSync(options.output, { recursive: true, mode: 0o700 });
    return options.output;
  }
  mkdirSync(join(root, '.faults'), { recursive: true });
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return mkdtempSync(join(root, '.faults', `${time}-seed-${options.seed}-`));
}

// Removes everything except the report and the checker's verdict.
function removeData(folder) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    if (!/^(report|verdict)\./.test(entry)) removeFolder(path, path);
  }
}

function onInterrupt(campaign) {
  let count = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (++count === 1) return campaign.interrupt();
      campaign.kill();
      return process.exit(exitCodes.interrupted);
    });
  }
  process.stdout.on('error', () => campaign.interrupt());
}

async function main() {
  const options = parseFlagsOrExit(process.argv.slice(2));
  options.seed ??= Math.floor(Math.random() * 1_000_000);
  const abilities = await findAbilities({ isolated, programs });
  const wrongMutant = await whyNoMutant({ programs, mutant: options.mutant });
  if (wrongMutant) {
    console.error(`faults: ${wrongMutant}`);
    process.exit(exitCodes.failed);
  }
  const folder = makeFolder(options);
  const wanted = allKinds.filter(({ name }) => options.kinds.includes(name));
  const whyNot = (kind) => kind.needs.map((need) => abilities[need]).find(Boolean);
  const kinds = wanted.filter((kind) => !whyNot(kind));
  const skipped = wanted.filter(whyNot).map((kind) => ({ kind: kind.name, why: whyNot(kind) }));
  const campaign = new Campaign({
    options,
    folder,
    abilities,
    kinds,
    skipped,
    plan: drawPlan({ ...options, kinds }),
    scripts: join(root, 'scripts'),
    programs,
    network: isolated ? new NamespacedNetwork() : new LoopbackNetwork(),
  });
  onInterrupt(campaign);
  console.log(`seed ${options.seed}, data in ${relative(process.cwd(), folder)}`);
  for (const { kind, why } of skipped) console.log(`not made: ${kind}: ${why}`);

  const report = await campaign.run();
  const lines = renderReport(report);
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(folder, 'report.txt'), `${lines.join('\n')}\n`);
  console.log(['', ...lines].join('\n'));
  const verdict = join(folder, 'verdict.txt');
  if (report.violations !== 0 && existsSync(verdict)) console.log(`\n${readFileSync(verdict, 'utf8')}`);
  const isGood = report.violations === 0 && report.problems.length === 0;
  if (isGood && !options.keep) removeData(folder);
  const kept = isGood && !options.keep ? 'The report is' : 'Report, logs and data are';
  console.log(`\n${kept} in ${relative(process.cwd(), folder)}`);
  if (campaign.isInterrupted) process.exit(exitCodes.interrupted);
  process.exit(isGood ? exitCodes.ok : exitCodes.failed);
}

await main();
