// Reads the flags of a script from a table of flags, and reports all problems at once.

import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

// `switches` maps flags without a value to keys of `options`. `readers` maps the other flags to
// functions (value, options) that store the value and return undefined, or return what they expected.
// Returns the problems as sentences.
export function readFlags(argv, { switches, readers }, options) {
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
        const expected = readers[flag](value, options);
        if (expected) problems.push(`${flag}: expected ${expected}, got ${JSON.stringify(value)}`);
      }
    } else {
      problems.push(`${flag}: unknown flag (--help lists all flags)`);
    }
  }
  return problems;
}

function splitAtEquals(word) {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word];
}

// The following functions make readers that store the value as `key`.

export const integer = (key, least, most) => (value, options) => {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) return `an integer from ${least} to ${most}`;
  options[key] = number;
  return undefined;
};

export const number = (key, least, most) => (value, options) => {
  if (!/^\d+(\.\d+)?$/.test(value) || Number(value) < least || Number(value) > most) {
    return `a number from ${least} to ${most}`;
  }
  options[key] = Number(value);
  return undefined;
};

export const fileInFolder = (key) => (value, options) => {
  const folder = statSync(dirname(resolve(value)), { throwIfNoEntry: false });
  if (value === '' || !folder?.isDirectory()) return 'a file in an existing folder';
  options[key] = value;
  return undefined;
};

// Returns the options when there are no problems; otherwise prints all problems and exits with 2.
export function optionsOrExit(script, { options, problems }) {
  if (problems.length > 0) {
    for (const problem of problems) console.error(`${script}: ${problem}`);
    process.exit(2);
  }
  return options;
}
