// Removes the folders in which local servers and services keep their data.

import { lstatSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

// Retried, because servers that were just killed may still write files.
const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };

// Removes `folder` and everything in it. `postgres` is the folder that scripts/local-postgres was
// given: its data may be a link to a folder elsewhere, which is removed too.
export function removeFolder(folder, postgres = join(folder, 'postgres')) {
  const data = join(postgres, 'data');
  if (lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink()) {
    rmSync(dirname(readlinkSync(data)), removal);
  }
  rmSync(folder, removal);
}
