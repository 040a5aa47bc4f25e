// A whole election as deploy/compose.yaml runs it, without containers: keys, roles and TLS on every
// connection, all from scripts/secrets.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { isReady } from '../../scripts/local.d/http.mjs';
import { Part, baseEnvironment } from '../../scripts/local.d/part.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const script = (name) => join(root, 'scripts', name);
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin');
const database = 'election';
const host = 'localhost';
const slow = { timeout: 120_000 };

const parts = [];
let folder;
let secrets;
let redis;
let postgres;
let bus;

async function freePort() {
  const reserved = await reservePort();
  await reserved.release();
  return String(reserved.port);
}

const pem = (name, file) => join(folder, 'env.d', name, file);

async function launch(description) {
  const part = new Part({ log: join(folder, `${description.name}.log`), ...description });
  parts.push(part.start());
  await part.ready();
}

function runProgram(program, words, env) {
  const { status, stdout, stderr } = spawnSync(program, words, { env: { ...baseEnvironment(), ...env }, encoding: 'utf8', timeout: 60_000 });
  return { status, stdout, stderr };
}

const redisCli = (user, password, ...words) =>
  runProgram('redis-cli', ['-h', host, '-p', redis.REDIS_PORT, '--tls', '--cacert', pem('voting-logger', 'ca.pem'),
    '--cert', pem('voting-logger', 'cert.pem'), '--key', pem('voting-logger', 'key.pem'), '--user', user, ...words],
    { REDISCLI_AUTH: password });

const psql = (user, password, sql, more = 'sslmode=verify-full') =>
  runProgram('psql', [`host=${host} port=${postgres.POSTGRES_PORT} dbname=${database} user=${user} ${more} sslrootcert=${pem('voting-recorder', 'ca.pem')}`, '-Atc', sql],
    { PGPASSWORD: password });

const busOf = (name) => ({
  ...bus,
  PUBSUB_CA_FILE: pem(name, 'ca.pem'),
  PUBSUB_CERT_FILE: pem(name, 'cert.pem'),
  PUBSUB_KEY_FILE: pem(name, 'key.pem'),
});

const keys = (...names) => Object.fromEntries(names.map((name) => [name, secrets[name]]));

async function startStores() {
  redis = { REDIS_HOST: host, REDIS_PORT: await freePort() };
  postgres = { POSTGRES_HOST: host, POSTGRES_PORT: await freePort(), POSTGRES_DB: database };
  await launch({
    name: 'redis',
    command: [script('local-redis'), join(folder, 'redis'), redis.REDIS_PORT],
    env: {
      REDIS_USER: 'voting-logger',
      ...keys('REDIS_PASSWORD', 'REDIS_ADMIN_PASSWORD'),
      REDIS_SERVER_CERT_FILE: pem('redis', 'cert.pem'),
      REDIS_SERVER_KEY_FILE: pem('redis', 'key.pem'),
      REDIS_CA_FILE: pem('redis', 'ca.pem'),
    },
    answers: () => redisCli('admin', secrets.REDIS_ADMIN_PASSWORD, 'ping').stdout.trim() === 'PONG',
  });
  // PostgreSQL refuses a key that others can read.
  const key = join(folder, 'postgres.key');
  copyFileSync(pem('postgres', 'key.pem'), key);
  chmodSync(key, 0o600);
  await launch({
    name: 'postgres',
    command: [
      ...[script('local-postgres'), join(folder, 'postgres'), postgres.POSTGRES_PORT, '127.0.0.1'],
      ...['ssl=on', `ssl_cert_file=${pem('postgres', 'cert.pem')}`, `ssl_key_file=${key}`],
    ],
    env: { POSTGRES_DB: database, ...keys('POSTGRES_OWNER_PASSWORD', 'POSTGRES_RECORDER_PASSWORD', 'POSTGRES_RESULTS_PASSWORD') },
    stopSignal: 'SIGINT',
    answers: () => psql('pollbus_owner', secrets.POSTGRES_OWNER_PASSWORD, 'SELECT 1').status === 0,
  });
}

async function startBroker() {
  const [port, http] = [await freePort(), await freePort()];
  bus = { GCP_PROJECT: 'local', PUBSUB_EMULATOR_HOST: `${host}:${port}` };
  await launch({
    name: 'pubsub-broker',
    command: [join(programs, 'pubsub-broker'), '--data-dir', join(folder, 'broker')],
    env: {
      PUBSUB_BROKER_LISTEN: `127.0.0.1:${port}`,
      PUBSUB_BROKER_CREATE_TOPICS: 'projects/local/topics/election, projects/local/topics/election-quarantine',
      PUBSUB_BROKER_TLS_CERT: pem('pubsub-broker', 'cert.pem'),
      PUBSUB_BROKER_TLS_KEY: pem('pubsub-broker', 'key.pem'),
      PUBSUB_BROKER_TLS_CLIENT_CA: pem('pubsub-broker', 'ca.pem'),
      PUBSUB_BROKER_CLIENTS: join(root, 'deploy/kubernetes/components/bus-tls/clients'),
      HTTP_PORT: http,
    },
    answers: () => isReady({ port: http }),
  });
}

async function startService(name, env) {
  const http = await freePort();
  await launch({
    name,
    command: [join(programs, name)],
    env: { ...busOf(name), ...env, HTTP_PORT: http },
    answers: () => isReady({ port: http }),
  });
}

before(async () => {
  const parent = join(programs, '..', 'test_data');
  mkdirSync(parent, { recursive: true });
  folder = mkdtempSync(join(parent, 'secured.'));
  for (const words of [[], ['machine', '2']]) execFileSync(script('secrets'), ['--file', join(folder, 'env'), ...words], { stdio: 'ignore' });
  secrets = Object.fromEntries(readFileSync(join(folder, 'env'), 'utf8').trim().split('\n').map((line) => line.split('=')));
  // PostgreSQL runs as another user.
  for (const path of [folder, join(folder, 'env.d')]) chmodSync(path, 0o711);
  await Promise.all([startStores(), startBroker()]);
}, slow);

after(async () => {
  const well = [];
  for (const part of parts.reverse()) well.push(await part.stop());
  rmSync(folder, { recursive: true });
  assert.ok(well.every(Boolean));
});

test('the owner creates the tables, and the services start with their own passwords, keys and certificates', slow, async () => {
  const owner = { POSTGRES_USER: 'pollbus_owner', POSTGRES_PASSWORD: secrets.POSTGRES_OWNER_PASSWORD, POSTGRES_CA_FILE: pem('voting-recorder', 'ca.pem') };
  const { status, stderr } = runProgram(join(programs, 'voting-recorder'), ['--migrate'], { ...postgres, ...owner });
  assert.equal(status, 0, stderr);
  await startService('voting-recorder', {
    ...postgres,
    POSTGRES_USER: 'pollbus_recorder',
    POSTGRES_PASSWORD: secrets.POSTGRES_RECORDER_PASSWORD,
    POSTGRES_CA_FILE: pem('voting-recorder', 'ca.pem'),
    ...keys('RECORD_KEY', 'RESULT_KEY'),
  });
  await startService('voting-logger', {
    ...redis,
    REDIS_USER: 'voting-logger',
    REDIS_CA_FILE: pem('voting-logger', 'ca.pem'),
    REDIS_CERT_FILE: pem('voting-logger', 'cert.pem'),
    REDIS_KEY_FILE: pem('voting-logger', 'key.pem'),
    ...keys('REDIS_PASSWORD', 'LOGGER_KEY', 'SUBMIT_KEY', 'RECORD_KEY', 'RESULT_KEY'),
  });
});

// Runs a machine with the folder of machine `own`.
function vote(machine, own, ...flags) {
  const summary = join(folder, `machine-${machine}-${own}.json`);
  const words = ['--election', '12', '--machine', String(machine), '--journal', join(folder, `journal-${machine}-${own}`), '--summary', summary];
  const key = (name) => ({ [`${name}_FILE`]: pem(`machine-${own}`, name) });
  const env = { ...busOf(`machine-${own}`), ...key('MACHINE_SUBMIT_KEY'), ...key('MACHINE_RESULT_KEY') };
  const { status, stderr } = runProgram(join(programs, 'voting-machine'), [...words, '--quiet', ...flags], env);
  return { status, stderr, summary: () => JSON.parse(readFileSync(summary, 'utf8')) };
}

test('two machines vote with their own keys and certificates, and marks and rows agree', slow, () => {
  for (const machine of [1, 2]) {
    const { status, stderr, summary } = vote(machine, machine, '--votes', '50', '--voters', '100', '--in-flight', '10');
    assert.equal(status, 0, stderr);
    assert.equal(summary().pending + summary().rejected, 0);
  }
  const rows = psql('pollbus_owner', secrets.POSTGRES_OWNER_PASSWORD, 'SELECT count(*) FROM votes').stdout.trim();
  const marks = redisCli('admin', secrets.REDIS_ADMIN_PASSWORD, 'dbsize').stdout.trim();
  assert.ok(Number(rows) > 0);
  assert.equal(marks, rows);
});

test('a machine cannot act as another one', slow, () => {
  const { status, stderr } = vote(3, 2, '--votes', '1', '--patience-s', '1');
  assert.notEqual(status, 0, stderr);
  assert.match(stderr, /PERMISSION_DENIED/);
});

test('the user of the loggers cannot delete marks, and that of the recorders can neither read nor change votes', slow, () => {
  for (const words of [['flushall'], ['del', 'voted:12:1'], ['keys', '*'], ['config', 'set', 'maxmemory', '1']]) {
    assert.match(redisCli('voting-logger', secrets.REDIS_PASSWORD, ...words).stdout, /NOPERM/, words.join(' '));
  }
  for (const sql of ['SELECT * FROM votes', 'DELETE FROM votes', 'UPDATE votes SET voting = 0', 'TRUNCATE receipts', 'DROP TABLE votes', 'CREATE TABLE x ()']) {
    const { status, stderr } = psql('pollbus_recorder', secrets.POSTGRES_RECORDER_PASSWORD, sql);
    assert.notEqual(status, 0, sql);
    assert.match(stderr, /permission denied|must be owner/, sql);
  }
});
