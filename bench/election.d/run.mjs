// One election of one build, measured.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { disagreements, summarise } from '../../scripts/demo.d/summary.mjs';
import { removeFolder } from '../../scripts/local.d/folders.mjs';
import { countInMetrics } from '../../scripts/local.d/http.mjs';
import { LocalFailure } from '../../scripts/local.d/part.mjs';
import { electionId } from '../../scripts/demo.d/election.mjs';
import { define } from './office.mjs';
import { countSyncs, family, reapedUs, usage } from './processes.mjs';

export const kinds = ['machines', 'broker', 'loggers', 'recorders', 'PostgreSQL', 'Redis'];
// How often the machines, which end by themselves, are looked at.
const sampleMs = 250;
const tenths = 10;

const sum = (values) => values.reduce((total, value) => total + value, 0);
const pidOf = (part) => part.child.pid;

function partsByKind(election) {
  const named = (name) => election.stores.filter((part) => part.name === name);
  return {
    machines: election.machines,
    broker: election.bus,
    loggers: election.loggers,
    recorders: election.recorders,
    PostgreSQL: named('PostgreSQL'),
    Redis: named('Redis'),
  };
}

const usageOf = (parts) => parts.map((part) => usage(pidOf(part)));

// Looks at the machines until they have ended, because afterwards there is nothing to see.
function watchMachines(election, { wantTenths }) {
  const latest = new Map();
  const progress = [];
  let ended = false;
  const answered = async (machine) =>
    countInMetrics(await machine.metrics(), 'pollbus_votes_total') ?? 0;
  const watching = (async () => {
    while (!ended) {
      for (const machine of election.machines) {
        const now = usage(pidOf(machine));
        if (now.peakBytes > 0) latest.set(machine, now);
      }
      if (wantTenths) {
        const counts = await Promise.all(election.machines.map(answered));
        progress.push({ ms: Date.now(), votes: sum(counts) });
      }
      await pause(sampleMs);
    }
  })();
  return {
    async end() {
      ended = true;
      await watching;
      return { usages: [...latest.values()], progress };
    },
  };
}

// The rate in each tenth of `votes`, from samples of the number of answers.
function ratesByTenth(progress, votes) {
  const timeOf = (count) => {
    const i = progress.findIndex((sample) => sample.votes >= count);
    if (i < 0) return progress.at(-1).ms;
    if (i === 0) return progress[0].ms;
    const [a, b] = [progress[i - 1], progress[i]];
    return a.ms + ((b.ms - a.ms) * (count - a.votes)) / (b.votes - a.votes);
  };
  const share = votes / tenths;
  return Array.from({ length: tenths }, (_, i) =>
    Math.round((share * 1_000) / (timeOf((i + 1) * share) - timeOf(Math.max(1, i * share)))),
  );
}

// Starts a board with this many viewers. Returns a function that sends them away.
async function startViewers(election, { root, options }) {
  await election.startBoard();
  if (options.viewers === 0) return () => {};
  const url = `${election.boardAddress}elections/${electionId}/live.json`;
  const flags = ['--viewers', String(options.viewers), '--seconds', '86400'];
  const viewers = spawn(join(root, 'bench', 'viewers'), [url, ...flags], { stdio: 'ignore' });
  return () => viewers.kill();
}

async function diskBytes(folder) {
  const { stdout } = await promisify(execFile)('du', ['-sB1', '-D', folder]);
  return Number(stdout.split('\t')[0]);
}

async function measure(election, options) {
  const parts = partsByKind(election);
  const services = kinds.slice(1);
  const before = Object.fromEntries(services.map((kind) => [kind, usageOf(parts[kind])]));
  const reapedBefore = reapedUs();
  await election.startMachines({ quiet: true });
  for (const machine of election.machines) machine.child.stdout.resume();
  const watch = watchMachines(election, { wantTenths: options.tenths });
  const syncs = kinds.map((kind) => countSyncs(parts[kind].map(pidOf).flatMap(family)));
  const summaries = await election.machineSummaries();
  const reaped = reapedUs() - reapedBefore;
  const machines = await watch.end();
  const after = Object.fromEntries(services.map((kind) => [kind, usageOf(parts[kind])]));
  const synced = await Promise.all(syncs.map((each) => each.end()));

  const summary = summarise(summaries, await election.storesContent());
  const wrong = disagreements(summary);
  if (wrong.length > 0) throw new LocalFailure(wrong.join('; '));
  const votes = summary.successful + summary.already_voted + summary.rejected;
  const cost = (kind, key) =>
    (sum(after[kind].map((each) => each[key])) - sum(before[kind].map((each) => each[key]))) / votes;
  const all = (key) => sum(machines.usages.map((each) => each[key]));
  const byKind = (ofMachines, ofService) => [
    ofMachines,
    ...services.map((kind, i) => ofService(kind, i + 1)),
  ];
  return {
    votes,
    successful: summary.successful,
    votesPerSecond: summary.votes_per_second,
    medianMs: summary.latency_ms.p50,
    p99Ms: summary.latency_ms.p99,
    cpuUs: byKind(reaped / votes, (kind) => cost(kind, 'cpuUs')),
    writtenBytes: byKind(all('writtenBytes') / votes, (kind) => cost(kind, 'writtenBytes')),
    syncs: synced.map((count) => (count === null ? null : count / votes)),
    peakBytes: byKind(all('peakBytes'), (kind) => sum(after[kind].map((each) => each.peakBytes))),
    diskBytes: await diskBytes(election.folder),
    tenths: options.tenths ? ratesByTenth(machines.progress, votes) : undefined,
  };
}

// Runs an election of `build`, { name, root, programs, options }, and returns its figures. `interrupted`
// rejects when the run is to end early.
export async function runElection(build, { interrupted, onStart }) {
  const { Election } = await import(pathToFileURL(join(build.root, 'scripts', 'demo.d', 'election.mjs')));
  const demo = join(build.work, '.demo');
  mkdirSync(demo, { recursive: true });
  const folder = mkdtempSync(join(demo, 'bench-'));
  const election = new Election({
    options: build.options,
    folder,
    scripts: join(build.root, 'scripts'),
    programs: build.programs,
    report: (text) => console.error(text),
  });
  onStart(election);
  let sendAway = () => {};
  const endOf = (work) => Promise.race([work, election.failure, interrupted]);
  try {
    if (build.options.rules === 'undefined') await endOf(election.start());
    else await endOf(define(election, build));
    if (build.options.viewers !== undefined) sendAway = await endOf(startViewers(election, build));
    return await endOf(measure(election, build.options));
  } finally {
    sendAway();
    await election.stop();
    removeFolder(folder);
  }
}
