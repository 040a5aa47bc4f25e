// The flags of scripts/demo. When this file is run by itself, it only checks the flags: it prints all
// problems and exits with 2.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { fileInFolder, integer, number, optionsOrExit, readFlags } from '../local.d/flags.mjs';
import { splitHostAndPort } from '../local.d/ports.mjs';

const maxSeed = Number.MAX_SAFE_INTEGER - 1_000;

// The elections of --people, if --election names no others.
const demoElections = ['mayor.json', 'tram.json'].map((name) =>
  join(fileURLToPath(new URL('elections', import.meta.url)), name));
// Defaults of an election that only machines vote in, of one with a definition, and of one in which
// people vote: there the board moves for about ten minutes.
const simulated = { machines: 3, votes: 200, voters: 100, rate: 0 };
const defined = { machines: 3, votes: 200, voters: 1_000, rate: 0 };
const forPeople = { machines: 2, votes: 600, voters: 2_000, rate: 1 };
// The largest roll that is written in an instant.
const maxRoll = 1_000_000;

const integers = {
  '--machines': { key: 'machines', least: 1, most: 100 },
  '--votes': { key: 'votes', least: 1, most: 100_000_000 },
  '--voters': { key: 'voters', least: 1, most: Number.MAX_SAFE_INTEGER },
  '--loggers': { key: 'loggers', least: 1, most: 50, default: 3 },
  '--recorders': { key: 'recorders', least: 1, most: 50, default: 3 },
  '--in-flight': { key: 'inFlight', least: 1, most: 100_000, default: 1 },
  '--seed': { key: 'seed', least: 0, most: maxSeed, default: undefined },
};
const switches = { '--exit': 'exit', '--keep': 'keep', '--open': 'open', '--people': 'people' };

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
  '--election': (value, options) => {
    if (!statSync(value, { throwIfNoEntry: false })?.isFile()) return 'a file with a definition';
    options.elections.push(resolve(value));
    return undefined;
  },
  '--summary': fileInFolder('summary'),
};

// Returns { options, problems }. The options are complete when there are no problems.
export function parseFlags(argv) {
  const options = { bus: 'broker', exit: false, keep: false, open: false, people: false, elections: [], summary: undefined };
  for (const { key, default: value } of Object.values(integers)) options[key] = value;
  const problems = readFlags(argv, { switches, readers }, options);
  if (options.people && options.elections.length === 0) options.elections = demoElections;
  const defaults = options.people ? forPeople : isHeld(options) ? defined : simulated;
  for (const [key, value] of Object.entries(defaults)) options[key] ??= value;
  if (isHeld(options)) problems.push(...problemsOfHeld(options));
  return { options, problems };
}

// Whether the election is held as an office does, with definitions.
export const isHeld = ({ elections }) => elections.length > 0;

function problemsOfHeld({ machines, voters, elections, summary }) {
  const problems = [];
  if (voters > maxRoll) problems.push(`--voters: with --people or --election, expected at most ${maxRoll}`);
  if (voters < machines) problems.push('--voters: with --people or --election, expected at least one voter for each machine');
  if (machines * elections.length > 100) problems.push('--machines: expected at most 100 for all elections together');
  if (summary) problems.push('--summary: cannot be used with --people or --election');
  return problems;
}

export const parseFlagsOrExit = (argv) => optionsOrExit('demo', parseFlags(argv));

if (import.meta.url === pathToFileURL(process.argv[1]).href) parseFlagsOrExit(process.argv.slice(2));
