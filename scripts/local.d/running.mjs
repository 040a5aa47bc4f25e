// What a script that runs parts does about its folder, about Ctrl-C, and about failures.

import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, relative } from 'node:path';

import { LocalFailure, PartFailure } from './part.mjs';

export const exitCodes = { ok: 0, failed: 1, interrupted: 130 };

export class Interrupted extends Error {}

// Rejects at Ctrl-C and its like; the second time, `atOnce` is called.
export function interruption(atOnce) {
  const interrupted = new Promise((_, reject) => {
    let count = 0;
    const interrupt = () => (++count === 1 ? reject(new Interrupted()) : atOnce());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);
    // Nobody reads any more: `scripts/demo | head`.
    process.stdout.on('error', interrupt);
  });
  interrupted.catch(() => {});
  return interrupted;
}

// A private, empty folder for one run, below <root>/.demo.
export function makeFolder(root) {
  mkdirSync(join(root, '.demo'), { recursive: true });
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return mkdtempSync(join(root, '.demo', `${time}-`));
}

export function showFailure(script, error) {
  console.error(`\n${script}: ${error instanceof LocalFailure ? error.message : error.stack}`);
  if (!(error instanceof PartFailure)) return;
  console.error(`The last lines of ${relative(process.cwd(), error.part.log)}:`);
  for (const line of error.part.logTail()) console.error(`  ${line}`);
}
