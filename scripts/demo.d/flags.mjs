// The flags of scripts/demo. Run by itself, it only checks them: exit 2 with all problems at once.

import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

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
const switches = { '--exit': 'exit', '--keep': 'keep' };

// Returns { options, problems }: options are complete when there are no problems.
export function parseFlags(argv) {
  const options = { rate: 0, bus: 'broker', exit: false, keep: false, summary: undefined };
  for (const { key, default: value } of Object.values(integers)) options[key] = value;
  const problems = [];
  const words = argv.flatMap(splitAtEquals);
  for (let i = 0; i < words.length; i++) {
    const flag = words[i];
    if (flag in switches) {
      options[switches[flag]] = true;
    } else if (flag in readers) {
      const value = words[i + 1];
      if (value === undefined || value.startsWith('--')) {
        problems.push(`${flag}: a value is missing`);
      } else {
        i++;
        const problem = readers[flag](value, options);
        if (problem) problems.push(`${flag}: expected ${problem}, got ${JSON.stringify(value)}`);
      }
    } else {
      problems.push(`${flag}: no such flag (--help lists them)`);
    }
  }
  return { options, problems };
}

// Each stores its value, or says what was expected.
const readers = {
  ...Object.fromEntries(
    Object.entries(integers).map(([flag, integer]) => [
      flag,
      (value, options) => {
        const number = Number(value);
        if (!/^\d+$/.test(value) || number < integer.least || number > integer.most) {
          return `an integer from ${integer.least} to ${integer.most}`;
        }
        options[integer.key] = number;
        return undefined;
      },
    ]),
  ),
  '--rate': (value, options) => {
    if (!/^\d+(\.\d+)?$/.test(value) || Number(value) > 1_000_000) return 'a number from 0 to 1000000';
    options.rate = Number(value);
    return undefined;
  },
  '--bus': (value, options) => {
    const [, port] = value.match(/^[^\s:/]+:(\d{1,5})$/) ?? [];
    if (value !== 'broker' && !(port >= 1 && port <= 65_535)) return 'broker or HOST:PORT';
    options.bus = value;
    return undefined;
  },
  '--summary': (value, options) => {
    const folder = statSync(dirname(resolve(value)), { throwIfNoEntry: false });
    if (value === '' || !folder?.isDirectory()) return 'a file in a folder that exists';
    options.summary = value;
    return undefined;
  },
};

function splitAtEquals(word) {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word];
}

export function parseFlagsOrExit(argv) {
  const { options, problems } = parseFlags(argv);
  if (problems.length > 0) {
    for (const problem of problems) console.error(`demo: ${problem}`);
    process.exit(2);
  }
  return options;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) parseFlagsOrExit(process.argv.slice(2));
