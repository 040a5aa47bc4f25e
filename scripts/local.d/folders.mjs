// The folders in which local servers and services keep their data.

import { lstatSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };

// Removes `folder` with all that is in it. `postgres`: the folder that scripts/local-postgres was
// given, which may have had to put its data elsewhere.
export function removeFolder(folder, postgres = join(folder, 'postgres')) {
  const data = join(postgres, 'data');
  if (lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink()) {
    rmSync(dirname(readlinkSync(data)), removal);
  }
  rmSync(folder, removal);
}
