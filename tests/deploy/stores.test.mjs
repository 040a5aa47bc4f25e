// Backup and restore of the two stores with a fake kubectl: the order of their steps, and what they
// refuse. tests/docker runs them on real stores.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';

import { root } from './manifests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pollbus-stores-'));
after(() => rmSync(folder, { recursive: true }));
cpSync(join(root, 'tests/deploy/fake-kubectl'), join(folder, 'bin/kubectl'));

let runs = 0;
function run(command, environment) {
  const state = join(folder, `run-${++runs}`);
  mkdirSync(state);
  const files = { marks: join(state, 'marks.rdb'), votes: join(state, 'votes.dump') };
  if (command === 'restore') for (const file of Object.values(files)) writeFileSync(file, file);
  const { status, stderr } = spawnSync(
    join(root, 'deploy/stores', command),
    ['--kubernetes', '--marks', files.marks, '--votes', files.votes],
    { encoding: 'utf8', env: { ...process.env, STATE: state, PATH: join(folder, 'bin') + delimiter + process.env.PATH, ...environment } },
  );
  const log = existsSync(join(state, 'log')) ? readFileSync(join(state, 'log'), 'utf8').trim().split('\n') : [];
  const order = (...words) => words.map((word) => log.findLastIndex((line) => line.includes(word)));
  return { status, stderr, files, order, state, log };
}

const ascending = (numbers) => numbers.every((number, i) => number >= 0 && (i === 0 || number > numbers[i - 1]));

test('a backup stops the loggers, saves the votes, then the marks, and starts as many loggers as before', () => {
  const { status, stderr, files, order } = run('backup', { MARKS: '7', VOTES: '7' });
  assert.equal(status, 0, stderr);
  assert.ok(ascending(order('--replicas 0', 'pg_dump', 'redis-backup', '--replicas 4')));
  assert.equal(readFileSync(files.votes, 'utf8'), 'PGDMP votes');
  assert.equal(readFileSync(files.marks, 'utf8'), 'REDIS0010 marks');
  for (const file of Object.values(files)) assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('a backup that fails leaves no backup file behind and starts the loggers again', () => {
  const { status, files, order } = run('backup', { MARKS: '7', VOTES: '7', TROUBLE: 'yes' });
  assert.equal(status, 1);
  assert.ok(!existsSync(files.marks) && !existsSync(files.votes));
  assert.ok(ascending(order('--replicas 0', '--replicas 4')));
});

test('a backup with more votes than marks is refused, because voters could vote twice', () => {
  const { status, stderr, files } = run('backup', { MARKS: '6', VOTES: '7' });
  assert.equal(status, 1);
  assert.match(stderr, /could vote again/);
  assert.ok(!existsSync(files.marks));
});

test('a restore fills both stores when both are empty', () => {
  const { status, stderr, state, files } = run('restore', { TABLES: '', MARKS: '0', VOTES: '7', RESTORED: '7' });
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(join(state, 'votes'), 'utf8'), files.votes);
  assert.equal(readFileSync(join(state, 'marks'), 'utf8'), files.marks);
});

test('a restore does not touch marks that exist, which are never older than the backup', () => {
  const { status, stderr, state } = run('restore', { TABLES: '', MARKS: '9', VOTES: '7' });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /2 voters are marked but have no vote/);
  assert.ok(!existsSync(join(state, 'marks')));
});

test('a restore of marks that are older than the votes fails', () => {
  const { status, stderr } = run('restore', { MARKS: '0', VOTES: '7', RESTORED: '5' });
  assert.equal(status, 1);
  assert.match(stderr, /more votes than marks/);
});

test('a restore into stores that hold an election is refused and changes nothing', () => {
  const { status, stderr, log } = run('restore', { MARKS: '7', VOTES: '7' });
  assert.equal(status, 1);
  assert.match(stderr, /hold an election already/);
  assert.ok(!log.some((line) => /restore/.test(line)));
});

for (const pod of ['voting-logger-x', 'voting-recorder-x']) {
  test(`a restore while ${pod} runs is refused and changes nothing`, () => {
    const { status, stderr, log } = run('restore', { MARKS: '0', VOTES: '0', RUNNING: `aerial-view-x ${pod}` });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`stop the services first: pod/${pod} `));
    assert.ok(!log.some((line) => /restore/.test(line)));
  });
}

test('a restore runs beside the pods of the pedestrian system', () => {
  const running = 'aerial-view-x pedestrian-consumer-x vehicle-depth-x';
  const { status, stderr } = run('restore', { TABLES: '', MARKS: '0', VOTES: '7', RESTORED: '7', RUNNING: running });
  assert.equal(status, 0, stderr);
});

test('PostgreSQL has the same settings in its container as in scripts/local-postgres', () => {
  const read = (path) => readFileSync(join(root, path), 'utf8');
  const [, tuning] = read('scripts/local-postgres').match(/^readonly tuning=\(([^)]*)\)/m);
  const settings = [...tuning.matchAll(/-c (\w+)=(\w+)/g)];
  assert.ok(settings.length > 0);
  const container = read('deploy/docker/postgres-start');
  for (const [, name, value] of settings)
    assert.match(container, new RegExp(`-c ${name}=(${value}|"\\$\\{POSTGRES_\\w+:-${value}\\}")\\s`), name);
});
