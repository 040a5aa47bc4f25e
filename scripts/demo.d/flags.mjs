// The flags of scripts/demo. When this file is run by itself, it only checks the flags: it prints all
// problems and exits with 2.

import { pathToFileURL } from 'node:url';

import { fileInFolder, integer, number, optionsOrExit, readFlags } from '../local.d/flags.mjs';
import { splitHostAndPort } from '../local.d/ports.mjs';

const maxSeed = Number.MAX_SAFE_INTEGER - 1_000;

const integers = {
  '--machines': { key: 'machines', least: 1, most: 100, default: 3 },
  '--votes': { key: 'votes', least: 1, most: 100_000_000, default: 200 },
  '--voters': { key: 'voters', least: 1, most: Number.MAX_SAFE_INTEGER, default: 100 },
  '--loggers': { key: 'loggers', least: 1, most: 50, default: 3 },
  '--recorders': { key: 'recorders', least: 1, most: 50, default: 3 },
  '--in-flight': { key: 'inFlight', least: 1, most: 100_000, default: 1 },
  '--seed': { key: 'seed', least: 0, most: maxSeed, default: undefined },
};
const switches = { '--exit': 'exit', '--keep': 'keep', '--open': 'open' };

const readers = {
  ...Object.fromEntries(
    Object.entries(integers).map(([flag, { key, least, most }]) => [flag, integer(key, least, most)]),
  ),
  '--rate': number('rate', 0, 1_000_000),
  '--bus': (value, options) => {
    if (value !== 'broker' && !splitHostAndPort(value)) return 'broker or HOST:PORT';
    options.bus = value;
    return undefined;
  },
  '--summary': fileInFolder('summary'),
};

// Returns { options, problems }. The options are complete when there are no problems.
export function parseFlags(argv) {
  const options = { rate: 0, bus: 'broker', exit: false, keep: false, open: false, summary: undefined };
  for (const { key, default: value } of Object.values(integers)) options[key] = value;
  return { options, problems: readFlags(argv, { switches, readers }, options) };
}

export const parseFlagsOrExit = (argv) => optionsOrExit('demo', parseFlags(argv));

if (import.meta.url === pathToFileURL(process.argv[1]).href) parseFlagsOrExit(process.argv.slice(2));
