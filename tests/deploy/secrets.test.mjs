import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { parse, root } from './manifests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pollbus-secrets-'));
after(() => rmSync(folder, { recursive: true }));

function secrets(...flags) {
  const { status, stdout, stderr } = spawnSync(join(root, 'scripts/secrets'), flags, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout + stderr;
}

const valuesIn = (file) =>
  Object.fromEntries(readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split('=')));

test('four secrets of 256 bits are made, for the owner only, and none is printed', () => {
  const file = join(folder, 'new');
  const printed = secrets('--file', file);
  const { COMPOSE_PROJECT_NAME: project, ...values } = valuesIn(file);
  assert.equal(project, 'pollbus');
  assert.deepEqual(Object.keys(values), ['REDIS_PASSWORD', 'POSTGRES_PASSWORD', 'LOGGER_KEY', 'RECORDER_KEY']);
  assert.equal(new Set(Object.values(values)).size, 4);
  for (const value of Object.values(values)) {
    assert.match(value, /^[0-9a-f]{64}$/);
    assert.ok(!printed.includes(value));
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('what is there stays, what is missing is added', () => {
  const file = join(folder, 'old');
  writeFileSync(file, 'BROKER_PORT=9000\nLOGGER_KEY=ours');
  secrets('--file', file);
  const before = readFileSync(file, 'utf8');
  secrets('--file', file);
  assert.equal(readFileSync(file, 'utf8'), before);
  assert.equal(valuesIn(file).LOGGER_KEY, 'ours');
  assert.equal(valuesIn(file).BROKER_PORT, '9000');
  assert.match(valuesIn(file).RECORDER_KEY, /^[0-9a-f]{64}$/);
});

test('the Kubernetes Secrets hold the same values, one each, and cannot be replaced by mistake', () => {
  const file = join(folder, 'kubernetes');
  secrets('--file', file);
  const made = parse(secrets('--file', file, '--kubernetes'));
  const values = Object.assign({}, ...made.map(({ data }) => data));
  for (const [name, value] of Object.entries(valuesIn(file)).filter(([key]) => key !== 'COMPOSE_PROJECT_NAME')) {
    assert.equal(Buffer.from(values[name], 'base64').toString(), value);
  }
  assert.ok(made.every(({ kind, immutable, data }) => kind === 'Secret' && immutable && Object.keys(data).length === 1));
});
