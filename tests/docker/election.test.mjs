// An election by deploy/compose.yaml

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { commandsOf } from '../deploy/documents.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';
import { violations } from './invariants.mjs';
import * as docker from './support.mjs';
import { Tap } from './tap.mjs';

const { compose, containersOf, crash, electionId, inspect, untilHealthy } = docker;
const replicas = { 'pubsub-broker': 1, redis: 1, postgres: 1, 'voting-logger': 3, 'voting-recorder': 3 };
const services = Object.keys(replicas);
const shutdownLimitMs = 10_000;
const slow = { timeout: 300_000 };

const folder = mkdtempSync(join(tmpdir(), 'pollbus-docker-'));
let tap;

before(async () => {
  const reserved = await reservePort();
  await reserved.release();
  process.env.BROKER_PORT = String(reserved.port);
  // These elections have no definition; those that have are tested with processes.
  process.env.ELECTIONS = 'any';
});

after(async () => {
  rmSync(folder, { recursive: true });
  await tap?.close();
  await compose('--profile', 'demo', 'down', '--volumes', '--remove-orphans');
});

async function allContainers() {
  return (await Promise.all(services.map(containersOf))).flat();
}

const untilAllHealthy = async () => Promise.all((await allContainers()).map(untilHealthy));

async function storesContent() {
  const [rows, [[receipts]], keys] = await Promise.all([
    docker.psql(`SELECT machineid, voting FROM votes WHERE electionid = ${electionId}`),
    docker.psql(`SELECT count(*) FROM receipts WHERE electionid = ${electionId}`),
    docker.redisKeys(`voted:${electionId}:*`),
  ]);
  const voters = keys.map((key) => key.split(':')[2]);
  return { rows: rows.map((row) => row.map(Number)), receipts: Number(receipts), voters: voters.sort() };
}

async function assertInvariants() {
  await tap.read();
  assert.deepEqual(violations({ submitted: tap.submitted, results: tap.results, ...(await storesContent()) }), []);
}

async function vote(name, machine, ...flags) {
  await docker.startMachine(name, machine, flags);
  return docker.summaryOf(name);
}

test('up starts a broker, Redis, PostgreSQL, three loggers and three recorders, and all become healthy', slow, async () => {
  await compose('up', '--detach');
  tap = await new Tap(Number(process.env.BROKER_PORT), join(docker.tree, 'deploy/secrets')).open();
  for (const service of services) assert.equal((await containersOf(service)).length, replicas[service], service);
  await untilAllHealthy();
});

test('every process runs as its numbered user, without capabilities and unable to gain any', async () => {
  for (const service of services) {
    const [container] = await containersOf(service);
    const status = await docker.beside(container, 'cat', '/proc/1/status');
    const field = (name) => status.match(new RegExp(`^${name}:\\s*(.*)$`, 'm'))[1].split(/\s+/);
    const id = String(docker.userOf[service] ?? docker.programUser);
    assert.deepEqual(field('Uid'), [id, id, id, id], service);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd']) assert.match(field(set)[0], /^0+$/, `${service} ${set}`);
    assert.equal(field('NoNewPrivs')[0], '1', service);
  }
});

test('every root file system is mounted read-only', async () => {
  for (const service of services) {
    const [container] = await containersOf(service);
    const mounts = (await docker.beside(container, 'cat', '/proc/1/mountinfo')).split('\n').map((line) => line.split(' '));
    const rootOptions = mounts.find((fields) => fields[4] === '/')[5].split(',');
    assert.ok(rootOptions.includes('ro'), service);
  }
});

test('only the broker publishes a port, on this machine only', async () => {
  const open = [];
  for (const container of await allContainers()) {
    const { NetworkSettings } = await inspect(container);
    open.push(...Object.values(NetworkSettings.Ports ?? {}).flat().filter(Boolean));
  }
  assert.deepEqual(open, [{ HostIp: '127.0.0.1', HostPort: process.env.BROKER_PORT }]);
});

test('no secret is in a log or in the list of processes', async () => {
  const secrets = readFileSync(join(docker.tree, 'deploy/.env'), 'utf8').match(/[0-9a-f]{64}/g);
  for (const container of await allContainers()) {
    const told = (await docker.docker('logs', container)) + (await docker.docker('top', container));
    assert.ok(!secrets.some((secret) => told.includes(secret)));
  }
});

test('each of 300 votes is answered, and I1 to I7 hold', slow, async () => {
  const summary = await vote('first', 1, '--votes', 300, '--voters', 200, '--seed', 1);
  assert.equal(summary.sent, 300);
  assert.equal(summary.pending + summary.rejected, 0);
  assert.ok(summary.already_voted > 0);
  await assertInvariants();
  assert.equal(new Set(tap.submitted.map(({ UUID }) => UUID)).size, 300);
});

test('a container of each kind is killed under load, and each starts again', { timeout: 600_000 }, async (context) => {
  const machine = await docker.startMachine('load', 2, ['--rate', 50, '--voters', 5_000, '--in-flight', 200, '--seed', 2]);
  const victims = (await Promise.all(services.map(containersOf))).map(([first]) => first);
  for (const victim of victims) {
    const startedAt = await crash(victim);
    await docker.untilRestarted(victim, startedAt);
    await untilHealthy(victim);
    context.diagnostic(`killed, and healthy again: ${(await inspect(victim)).Name}`);
  }
  // Only the Compose plugin applies the restart policy to a container of `run`. The journal is on a volume,
  // so the machine can be started again in either case.
  const startedAt = await crash(machine);
  await docker.until('the machine has ended', async () => {
    const { State } = await inspect(machine);
    return !State.Running || State.StartedAt !== startedAt;
  });
  await docker.docker('start', machine);
  await untilAllHealthy();
  await docker.docker('stop', '--time', '20', machine);
  assert.equal((await inspect(machine)).State.ExitCode, 0);
});

test('after all kills every vote is answered, and I1 to I7 hold', slow, async (context) => {
  const summary = await vote('rest', 2, '--votes', 0);
  assert.equal(summary.pending, 0);
  await assertInvariants();
  context.diagnostic(`${new Set(tap.submitted.map(({ UUID }) => UUID)).size} votes, ${tap.submitted.length} submitted with repeats`);
});

test('on a stop request each program exits with 0 within ten seconds', slow, async () => {
  for (const service of ['voting-logger', 'voting-recorder', 'pubsub-broker', 'redis', 'postgres']) {
    const [container] = await containersOf(service);
    const before = Date.now();
    await docker.docker('stop', '--time', '30', container);
    assert.ok(Date.now() - before < shutdownLimitMs, service);
    assert.equal((await inspect(container)).State.ExitCode, 0, service);
  }
  await compose('up', '--detach');
  await untilAllHealthy();
});

test('after down and up the votes and marks exist, and the same voters are refused', slow, async () => {
  const before = await storesContent();
  await compose('down');
  assert.deepEqual(await allContainers(), []);
  await compose('up', '--detach');
  await untilAllHealthy();
  const after = await storesContent();
  assert.deepEqual(after.voters, before.voters);
  assert.deepEqual(tallyOf(after), tallyOf(before));

  const summary = await vote('again', 3, '--votes', 300, '--voters', 200, '--seed', 1);
  assert.equal(summary.successful, 0);
  assert.equal(summary.already_voted, 300);
  await assertInvariants();
});

test('votes are recorded after the passwords were changed as docs/deploy.md describes', slow, async () => {
  const commands = commandsOf('docs/deploy.md', 'Change the passwords with Compose').join('\n');
  const adapted = commands.replaceAll('docker compose -f deploy/compose.yaml', process.env.POLLBUS_COMPOSE);
  const before = readFileSync(join(docker.tree, 'deploy/.env'), 'utf8');
  await docker.run('bash', ['-euo', 'pipefail', '-c', adapted], { cwd: docker.tree });
  assert.notEqual(readFileSync(join(docker.tree, 'deploy/.env'), 'utf8'), before);
  await untilAllHealthy();

  const summary = await vote('rotated', 6, '--votes', 200, '--voters', 10_000, '--seed', 6);
  assert.ok(summary.successful > 0);
  assert.equal(summary.pending + summary.rejected, 0);
  await assertInvariants();
});

// Runs deploy/stores/backup or restore. Returns its log, or throws it as an error.
async function stores(command, marks, votes) {
  const flags = ['--marks', join(folder, marks), '--votes', join(folder, votes)];
  const program = join(docker.tree, 'deploy/stores', command);
  return docker.run(program, flags).then(({ stderr }) => stderr, ({ stderr }) => Promise.reject(new Error(stderr)));
}

test('after a backup under load, empty volumes and a restore, nobody can vote twice', { timeout: 600_000 }, async () => {
  await stores('backup', 'early.rdb', 'early.dump');
  const machine = await docker.startMachine('meanwhile', 4, ['--rate', 50, '--voters', 5_000, '--seed', 4]);
  await docker.until('votes are cast', async () => (await storesContent()).rows.some(([id]) => id === 4));
  await stores('backup', 'marks.rdb', 'votes.dump');
  await docker.docker('stop', '--time', '20', machine);
  await assert.rejects(stores('restore', 'marks.rdb', 'votes.dump'), /stop the services first/);

  await compose('down', '--volumes');
  // The marks are older than the votes.
  await assert.rejects(stores('restore', 'early.rdb', 'votes.dump'), /more votes than marks/);
  await compose('down', '--volumes');
  await stores('restore', 'marks.rdb', 'votes.dump');
  const restored = await storesContent();
  assert.equal(restored.voters.length, restored.rows.length);
  await assert.rejects(stores('restore', 'marks.rdb', 'votes.dump'), /hold an election already/);

  await compose('up', '--detach');
  await untilAllHealthy();
  const summary = await vote('restored', 5, '--votes', 300, '--voters', 200, '--seed', 1);
  assert.equal(summary.already_voted, 300);
  assert.deepEqual(await storesContent(), restored);
});

const tallyOf = ({ rows }) => rows.map((row) => row.join()).sort();
