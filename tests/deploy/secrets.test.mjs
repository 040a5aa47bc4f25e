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

const passwords = ['REDIS_PASSWORD', 'POSTGRES_PASSWORD'];
const keys = ['LOGGER_KEY'];

test('each secret has 256 random bits, is readable by its owner only and is not printed', () => {
  const file = join(folder, 'new');
  const printed = secrets('--file', file);
  const { COMPOSE_PROJECT_NAME: project, ...values } = valuesIn(file);
  assert.equal(project, 'pollbus');
  assert.deepEqual(Object.keys(values), [...passwords, ...keys]);
  assert.equal(new Set(Object.values(values)).size, passwords.length + keys.length);
  for (const value of Object.values(values)) {
    assert.match(value, /^[0-9a-f]{64}$/);
    assert.ok(!printed.includes(value));
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('existing values are kept and missing ones are added', () => {
  const file = join(folder, 'old');
  writeFileSync(file, 'BROKER_PORT=9000\nLOGGER_KEY=ours');
  secrets('--file', file);
  const before = readFileSync(file, 'utf8');
  secrets('--file', file);
  assert.equal(readFileSync(file, 'utf8'), before);
  assert.equal(valuesIn(file).LOGGER_KEY, 'ours');
  assert.equal(valuesIn(file).BROKER_PORT, '9000');
  assert.match(valuesIn(file).REDIS_PASSWORD, /^[0-9a-f]{64}$/);
});

function kubernetesSecrets(file) {
  const made = parse(secrets('--file', file, '--kubernetes'));
  return new Map(made.map((secret) => [Object.keys(secret.data).join(), secret]));
}

test('there is one Kubernetes Secret for each value', () => {
  const file = join(folder, 'kubernetes');
  secrets('--file', file);
  const made = kubernetesSecrets(file);
  assert.deepEqual([...made.keys()], [...passwords, ...keys]);
  for (const [name, secret] of made) {
    assert.equal(secret.kind, 'Secret');
    assert.equal(Buffer.from(secret.data[name], 'base64').toString(), valuesIn(file)[name]);
  }
});

// The kubelet caches an immutable Secret as long as a pod on its node uses it, even if it is deleted and
// created again: pods that start after a change of password would still get the old one.
test('passwords are mutable Secrets, so that they can be changed; keys are immutable', () => {
  const made = kubernetesSecrets(join(folder, 'kubernetes'));
  for (const name of passwords) assert.ok(!made.get(name).immutable, name);
  for (const name of keys) assert.equal(made.get(name).immutable, true, name);
});
