// The flags of bench/election.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { fileInFolder, integer, number, optionsOrExit, readFlags } from '../../scripts/local.d/flags.mjs';

const rules = ['undefined', 'codes'];
const switches = {
  '--open': 'open',
  '--tenths': 'tenths',
  '--compare-rules': 'compareRules',
  '--compare-keys': 'compareKeys',
};

// The programs of a checkout or of a folder of programs; undefined if there are none.
export function programsIn(folder) {
  return [join(folder, 'build', 'release', 'bin'), join(folder, 'bin'), folder].find((each) =>
    existsSync(join(each, 'voting-machine')),
  );
}

const readers = {
  '--against': (value, options) => {
    if (!programsIn(value)) return 'a checkout with build/release, or a folder with programs';
    options.against.push(resolve(value));
    return undefined;
  },
  '--runs': integer('runs', 1, 100),
  '--machines': integer('machines', 1, 100),
  '--loggers': integer('loggers', 1, 50),
  '--recorders': integer('recorders', 1, 50),
  '--votes': integer('votes', 1, 100_000_000),
  '--voters': integer('voters', 1, Number.MAX_SAFE_INTEGER),
  '--in-flight': integer('inFlight', 1, 100_000),
  '--rate': number('rate', 0, 1_000_000),
  '--rules': (value, options) => {
    if (!rules.includes(value)) return rules.join(', ');
    options.rules = value;
    return undefined;
  },
  '--viewers': integer('viewers', 1, 100_000),
  '--summary': fileInFolder('summary'),
};

export function parseFlagsOrExit(argv) {
  const options = {
    ...{ against: [], runs: 3, machines: 3, loggers: 3, recorders: 3, votes: 50_000, voters: 1_000_000_000 },
    ...{ rate: 0, inFlight: 2_000, rules: 'undefined', open: false, tenths: false, summary: undefined },
    ...{ compareRules: false, compareKeys: false, bus: 'broker', seed: 1 },
  };
  const problems = readFlags(argv, { switches, readers }, options);
  return optionsOrExit('bench/election', { options, problems });
}
