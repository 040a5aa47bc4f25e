// Parses the flags of scripts/pedestrian-demo. Run as a program, it only checks them: it prints all
// problems and exits with 2.

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { fileInFolder, integer, number, optionsOrExit, readFlags } from '../local.d/flags.mjs';

// Creates the folder when it is missing. Returns what was expected if no file can be written there.
function folderProblem(folder) {
  if (folder === '') return 'a folder';
  const probe = join(folder, `.pedestrian-demo-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(probe, '');
    rmSync(probe);
    return undefined;
  } catch (error) {
    return `a folder that can be written to (${error.code})`;
  }
}

const switches = { '--exit': 'exit', '--keep': 'keep' };

const readers = {
  '--scenes': integer('scenes', 1, 10_000),
  '--seed': integer('seed', 0, 999_999),
  '--replicas': integer('replicas', 1, 20),
  '--rate': number('rate', 0, 1_000),
  '--depth-scale-a': number('depthScaleA', 0.000001, 1_000_000),
  '--depth-scale-b': number('depthScaleB', 0.000001, 1_000_000),
  '--data': (value, options) => {
    if (!existsSync(join(value, 'labels.csv'))) return 'a folder with a labels.csv';
    options.data = value;
    return undefined;
  },
  '--out': (value, options) => {
    options.out = value;
    return folderProblem(value);
  },
  '--summary': fileInFolder('summary'),
};

// Returns { options, problems }. The options may be used only when there are no problems.
export function parseFlags(argv) {
  const options = { scenes: 20, replicas: 1, rate: 0, exit: false, keep: false };
  return { options, problems: readFlags(argv, { switches, readers }, options) };
}

export const parseFlagsOrExit = (argv) => optionsOrExit('pedestrian-demo', parseFlags(argv));

if (import.meta.url === pathToFileURL(process.argv[1]).href) parseFlagsOrExit(process.argv.slice(2));
