// What every script that runs parts needs: a folder, the end by Ctrl-C, and the report of a failure.

import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, relative } from 'node:path';

import { LocalFailure, PartFailure } from './part.mjs';

export const exitCodes = { ok: 0, failed: 1, interrupted: 130 };

export class Interrupted extends Error {}

// Returns a promise that rejects with Interrupted at the first SIGINT, SIGTERM or SIGHUP, or when
// nobody reads the output any more. At the second one, `atOnce` is called.
export function interruption(atOnce) {
  const interrupted = new Promise((_, reject) => {
    let count = 0;
    const interrupt = () => (++count === 1 ? reject(new Interrupted()) : atOnce());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);
    // The reader of a pipe has ended, as in `scripts/demo | head`.
    process.stdout.on('error', interrupt);
  });
  interrupted.catch(() => {});
  return interrupted;
}

// Makes an empty folder for one run below <root>/.demo. Only its owner can read it.
export function makeFolder(root) {
  mkdirSync(join(root, '.demo'), { recursive: true });
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return mkdtempSync(join(root, '.demo', `${time}-`));
}

// Prints the failure; for a part that failed, the end of its log as well.
export function showFailure(script, error) {
  console.error(`\n${script}: ${error instanceof LocalFailure ? error.message : error.stack}`);
  if (!(error instanceof PartFailure)) return;
  console.error(`The last lines of ${relative(process.cwd(), error.part.log)}:`);
  for (const line of error.part.logTail()) console.error(`  ${line}`);
}
