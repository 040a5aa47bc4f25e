// The flags of scripts/faults. Run by itself, it only checks them: exit 2 with all problems at once.

import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { allKinds } from './kinds/all.mjs';

const integers = {
  '--votes': { key: 'votes', least: 1, most: 100_000_000, default: 5_000 },
  '--faults': { key: 'faults', least: 0, most: 1_000_000, default: 100 },
  '--alone': { key: 'alone', least: 0, most: 100, default: undefined },
  '--seed': { key: 'seed', least: 0, most: Number.MAX_SAFE_INTEGER, default: undefined },
  '--seconds': { key: 'seconds', least: 1, most: 1_000_000, default: undefined },
};

function readInteger(flag) {
  const { key, least, most } = integers[flag];
  return (value, options) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) return `an integer from ${least} to ${most}`;
    options[key] = number;
    return undefined;
  };
}

// A name, or what a name begins with: "kill" for all of kill-….
function kindsNamed(word) {
  return allKinds.filter(({ name }) => name === word || name.startsWith(`${word}-`)).map(({ name }) => name);
}

const readers = {
  ...Object.fromEntries(Object.keys(integers).map((flag) => [flag, readInteger(flag)])),
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

const splitAtEquals = (word) => {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word];
};

// Returns { options, problems }: options are complete when there are no problems.
export function parseFlags(argv) {
  const options = {
    kinds: allKinds.map(({ name }) => name),
    mutant: undefined,
    output: undefined,
    keep: false,
  };
  for (const { key, default: value } of Object.values(integers)) options[key] = value;
  const problems = [];
  const words = argv.flatMap(splitAtEquals);
  for (let i = 0; i < words.length; i++) {
    const flag = words[i];
    if (flag in switches) {
      options[switches[flag]] = true;
    } else if (!(flag in readers)) {
      problems.push(`${flag}: no such flag (--help lists them)`);
    } else if (words[i + 1] === undefined || words[i + 1].startsWith('--')) {
      problems.push(`${flag}: a value is missing`);
    } else {
      const value = words[++i];
      const problem = readers[flag](value, options);
      if (problem) problems.push(`${flag}: expected ${problem}, got ${JSON.stringify(value)}`);
    }
  }
  // Alone, a fault takes about as long as twenty among others.
  options.alone ??= options.seconds === undefined ? 1 : 0;
  return { options, problems };
}

export function parseFlagsOrExit(argv) {
  const { options, problems } = parseFlags(argv);
  if (problems.length === 0) return options;
  for (const problem of problems) console.error(`faults: ${problem}`);
  return process.exit(2);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) parseFlagsOrExit(process.argv.slice(2));
