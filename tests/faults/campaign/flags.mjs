// The flags of scripts/faults. Run as a program, it only checks them, and exits with 2 after printing
// all problems.

import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { integer, optionsOrExit, readFlags } from '../../../scripts/local.d/flags.mjs';
import { allKinds } from './kinds/all.mjs';

// Returns the kinds with this name, or whose names begin with it: "kill" means all of kill-….
function kindsNamed(word) {
  return allKinds.filter(({ name }) => name === word || name.startsWith(`${word}-`)).map(({ name }) => name);
}

const readers = {
  '--votes': integer('votes', 1, 100_000_000),
  '--faults': integer('faults', 0, 1_000_000),
  '--alone': integer('alone', 0, 100),
  '--seed': integer('seed', 0, Number.MAX_SAFE_INTEGER),
  '--seconds': integer('seconds', 1, 1_000_000),
  '--redis': integer('redis', 1, 9),
  '--kinds': (value, options) => {
    const words = value.split(',');
    const unknown = words.filter((word) => kindsNamed(word).length === 0);
    if (unknown.length > 0) return `kinds that --help lists, not ${unknown.join(', ')}`;
    options.kinds = [...new Set(words.flatMap(kindsNamed))];
    return undefined;
  },
  '--mutant': (value, options) => {
    if (!/^[a-z-]+$/.test(value)) return 'the name of a mutant';
    options.mutant = value;
    return undefined;
  },
  '--output': (value, options) => {
    if (value === '' || (existsSync(value) && readdirSync(value).length > 0))
      return 'a new or an empty folder';
    options.output = resolve(value);
    return undefined;
  },
};
const switches = { '--keep': 'keep' };

// Returns { options, problems }. The options are complete if there are no problems.
export function parseFlags(argv) {
  const kinds = allKinds.map(({ name }) => name);
  const options = { votes: 5_000, faults: 100, redis: 1, kinds, keep: false };
  const problems = readFlags(argv, { switches, readers }, options);
  // A fault that is made alone takes about as long as ten among others.
  options.alone ??= options.seconds === undefined ? 1 : 0;
  return { options, problems };
}

export const parseFlagsOrExit = (argv) => optionsOrExit('faults', parseFlags(argv));

if (import.meta.url === pathToFileURL(process.argv[1]).href) parseFlagsOrExit(process.argv.slice(2));
