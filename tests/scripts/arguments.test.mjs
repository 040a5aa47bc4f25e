import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'dev', 'bin');
const timeout = 60_000;

const scripts = readdirSync(join(root, 'scripts'))
  .map((name) => join(root, 'scripts', name))
  .filter((path) => statSync(path).isFile() && statSync(path).mode & 0o100);

function run(script, ...words) {
  return spawnSync(script, words, { encoding: 'utf8', timeout, env: { ...process.env, POLLBUS_PROGRAMS: programs } });
}

test('each script refuses an unknown flag with exit code 2 and a sentence or its usage', { timeout }, () => {
  assert.ok(scripts.length >= 10);
  for (const script of scripts) {
    const { status, stderr } = run(script, '--no-such-flag');
    assert.equal(status, 2, `${script}: ${stderr}`);
    assert.match(stderr, /--no-such-flag|^usage: /, script);
  }
});

test('scripts/setup refuses presets and groups that do not exist', { timeout }, () => {
  const setup = join(root, 'scripts', 'setup');
  assert.equal(run(setup, '--preset', 'fast').status, 2);
  assert.equal(run(setup, '--preset').status, 2);
  const group = run(setup, '--with', 'everything');
  assert.equal(group.status, 2);
  assert.match(group.stderr, /no group everything/);
});
