// Flags of the scripts: which there are is a table, and every problem is told at once.

import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

// `switches` maps flags that take no value to keys of the options; `readers` maps the others to
// functions (value, options) that store the value, or say what was expected. Returns what is wrong.
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
        const problem = readers[flag](value, options);
        if (problem) problems.push(`${flag}: expected ${problem}, got ${JSON.stringify(value)}`);
      }
    } else {
      problems.push(`${flag}: no such flag (--help lists them)`);
    }
  }
  return problems;
}

function splitAtEquals(word) {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word];
}

// Readers for values of one kind, stored as `key`.
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
  if (value === '' || !folder?.isDirectory()) return 'a file in a folder that exists';
  options[key] = value;
  return undefined;
};

// The options, when there is no problem; otherwise all problems, and exit 2.
export function optionsOrExit(script, { options, problems }) {
  if (problems.length > 0) {
    for (const problem of problems) console.error(`${script}: ${problem}`);
    process.exit(2);
  }
  return options;
}
