// The commands of docs/deploy.md that operate an election on Kubernetes, with a fake kubectl: they run
// without an error and do their steps in the right order.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';

import { commandsOf } from './documents.mjs';
import { root } from './manifests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pollbus-documents-'));
after(() => rmSync(folder, { recursive: true }));

// Runs the commands of a section in a copy of the scripts. Returns the calls of kubectl and their inputs.
function runSection(heading, environment = {}) {
  const place = mkdtempSync(join(folder, 'run-'));
  const state = join(place, 'state');
  mkdirSync(state);
  cpSync(join(root, 'deploy/stores'), join(place, 'deploy/stores'), { recursive: true });
  cpSync(join(root, 'scripts/secrets'), join(place, 'scripts/secrets'));
  cpSync(join(root, 'scripts/secrets.d'), join(place, 'scripts/secrets.d'), { recursive: true });
  cpSync(join(root, 'tests/deploy/fake-kubectl'), join(place, 'bin/kubectl'));
  for (const name of ['marks-1.rdb', 'votes-1.dump']) writeFileSync(join(place, name), name);
  const env = { ...process.env, STATE: state, PATH: join(place, 'bin') + delimiter + process.env.PATH, ...environment };
  const bash = (text) => {
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', text], { cwd: place, env, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  };
  const envFile = () => readFileSync(join(place, 'deploy/.env'), 'utf8');
  bash('scripts/secrets');
  const before = envFile();
  bash(commandsOf('docs/deploy.md', heading).join('\n').replaceAll('/safe/', `${place}/`));
  const read = (name) => readFileSync(join(state, name), 'utf8');
  return { before, after: envFile(), read, log: read('log').trim().split('\n') };
}

function assertOrder(log, steps) {
  const order = steps.map((step) => log.findIndex((line) => line.includes(step)));
  assert.ok(order.every((at, i) => at >= 0 && (i === 0 || at > order[i - 1])), `${order}\n${log.join('\n')}`);
}

const valueOf = (name, text) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)[1];

test('a change of passwords applies the Secrets, tells PostgreSQL, then restarts what uses them', () => {
  const { before, after: changed, log, read } = runSection('Change the passwords on Kubernetes');
  assertOrder(log, ['apply -n pollbus -f -', 'exec -i postgres-0', 'rollout restart statefulset/redis', 'rollout status']);
  for (const name of ['REDIS_PASSWORD', 'POSTGRES_RECORDER_PASSWORD']) assert.notEqual(valueOf(name, changed), valueOf(name, before));
  assert.equal(valueOf('LOGGER_KEY', changed), valueOf('LOGGER_KEY', before));
  assert.ok(read('applied').includes(Buffer.from(valueOf('REDIS_PASSWORD', changed)).toString('base64')));
  assert.equal(read('sql'), `ALTER ROLE pollbus_recorder PASSWORD '${valueOf('POSTGRES_RECORDER_PASSWORD', changed)}'`);
  // A deleted and recreated Secret would still be cached on its node.
  assert.ok(!log.some((line) => line.includes('delete secret')));
});

test('a restore stops the services, replaces stores and bus, fills the stores, then starts the services', () => {
  const { log, read } = runSection('Restore on Kubernetes', { TABLES: '', MARKS: '0', VOTES: '7', RESTORED: '7' });
  assertOrder(log, [
    'scale deployment voting-logger voting-recorder --replicas 0',
    'wait pod --for delete',
    'delete pvc data-redis-0 data-postgres-0 data-pubsub-broker-0 --wait=false',
    'delete pod redis-0 postgres-0 pubsub-broker-0',
    'pg_restore',
    'redis-restore',
    'scale deployment voting-logger voting-recorder --replicas 3',
  ]);
  assert.equal(read('votes'), 'votes-1.dump');
  assert.equal(read('marks'), 'marks-1.rdb');
});
