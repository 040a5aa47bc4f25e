// The command `gcloud` of the image pubsub-emulator, with a program that only prints its arguments.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../deploy/docker/emulator-gcloud', import.meta.url));
let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pollbus-gcloud.'));
  const program = join(folder, 'pubsub-broker');
  writeFileSync(program, '#!/bin/sh\necho "$*|${PUBSUB_PROJECT_ID:-}|${PUBSUB_BROKER_DATA_DIR:-}"\n');
  chmodSync(program, 0o755);
});

after(() => rmSync(folder, { recursive: true }));

function gcloud(line) {
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const run = spawnSync(command, line.split(' '), { env, encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : run.status;
}

test('the commands that start the emulator start the broker with the same settings', () => {
  const start = 'beta emulators pubsub start';
  assert.equal(gcloud(start), '||');
  // Testcontainers for Java, Node.js and Go.
  assert.equal(gcloud(`${start} --host-port 0.0.0.0:8085`), '--listen=0.0.0.0:8085||');
  assert.equal(
    gcloud(`${start} --host-port 0.0.0.0:8085 --project=test-project`),
    '--listen=0.0.0.0:8085|test-project|',
  );
  assert.equal(
    gcloud(`--quiet ${start} --project p --data-dir=/data --host-port=[::]:9000 --verbosity debug --log-http`),
    '--listen=[::]:9000|p|/data',
  );
  assert.equal(gcloud(`${start} --host-port=9000`), '--listen=localhost:9000||');
});

test('every other command is refused', () => {
  assert.equal(gcloud('pubsub topics create t'), 2);
  assert.equal(gcloud('beta emulators firestore start'), 2);
  assert.equal(gcloud('beta emulators pubsub start --import-data=x'), 2);
});
