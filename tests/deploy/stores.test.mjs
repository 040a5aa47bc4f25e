// Backup and restore of the two stores against a cluster that only remembers: what is done in which
// order, and what is refused. tests/docker does it to real stores.

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

test('a backup stops the loggers, saves the votes, then the marks, and starts as many loggers again', () => {
  const { status, stderr, files, order } = run('backup', { MARKS: '7', VOTES: '7' });
  assert.equal(status, 0, stderr);
  assert.ok(ascending(order('--replicas 0', 'pg_dump', 'redis-backup', '--replicas 4')));
  assert.equal(readFileSync(files.votes, 'utf8'), 'PGDMP votes');
  assert.equal(readFileSync(files.marks, 'utf8'), 'REDIS0010 marks');
  for (const file of Object.values(files)) assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('a backup that fails leaves no file that looks like one, and the loggers running', () => {
  const { status, files, order } = run('backup', { MARKS: '7', VOTES: '7', TROUBLE: 'yes' });
  assert.equal(status, 1);
  assert.ok(!existsSync(files.marks) && !existsSync(files.votes));
  assert.ok(ascending(order('--replicas 0', '--replicas 4')));
});

test('a backup of more votes than marks is refused: somebody could vote twice', () => {
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

test('a restore leaves marks that are there alone: they are never older', () => {
  const { status, stderr, state } = run('restore', { TABLES: '', MARKS: '9', VOTES: '7' });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /2 voters are marked and have no vote/);
  assert.ok(!existsSync(join(state, 'marks')));
});

test('a restore of marks older than the votes ends with an error', () => {
  const { status, stderr } = run('restore', { MARKS: '0', VOTES: '7', RESTORED: '5' });
  assert.equal(status, 1);
  assert.match(stderr, /more votes than marks/);
});

test('a restore into an election that is there, or runs, changes nothing', () => {
  for (const environment of [{ MARKS: '7', VOTES: '7' }, { MARKS: '0', VOTES: '0', RUNNING: 'pod/voting-logger-x' }]) {
    const { status, log } = run('restore', environment);
    assert.equal(status, 1);
    assert.ok(!log.some((line) => /restore/.test(line)));
  }
});
