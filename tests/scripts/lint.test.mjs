// Runs scripts/lint in small repositories made for the test.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const goodScript = '#!/usr/bin/env bash\necho "$1"\n';
const badScript = '#!/bin/sh\necho $1\n';
let folder;

function git(...words) {
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...words], { cwd: folder, stdio: 'pipe' });
}

function write(file, text, mode = 0o644) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text, { mode });
}

function lint(...words) {
  const { status, stdout, stderr } = spawnSync(join(folder, 'scripts/lint'), words, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

// A repository whose one commit contains scripts/lint, a set-up that installs nothing, and a script
// with a mistake.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pollbus-lint-test-'));
  for (const file of ['scripts/lint', '.clang-format', '.shellcheckrc']) {
    cpSync(join(root, file), join(folder, file), { recursive: true });
  }
  write('scripts/setup', '#!/bin/sh\n', 0o755);
  write('deploy/old', badScript);
  git('init', '--quiet', '--initial-branch', 'main');
  git('add', '.');
  git('commit', '--quiet', '--message', 'first');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('only changed files are checked, committed or not', () => {
  assert.deepEqual(lint('shell'), { status: 0, text: 'passed: shell\n' });
  write('tools/new', badScript);
  const uncommitted = lint('shell');
  assert.equal(uncommitted.status, 1);
  assert.match(uncommitted.text, /In tools\/new line 2:/);
  assert.doesNotMatch(uncommitted.text, /deploy\/old/);
  git('add', '.');
  git('commit', '--quiet', '--message', 'second');
  assert.equal(lint('shell').status, 0);
  assert.equal(lint('--base', 'HEAD~1', 'shell').status, 1);
});

test('with --all, every shell script is checked, found by name or by first line', () => {
  write('a/no_ending', goodScript);
  write('a/library.sh', '# shellcheck shell=bash\nfoo() { echo $1; }\n');
  const { status, text } = lint('--all', 'shell');
  assert.equal(status, 1);
  assert.match(text, /In deploy\/old line 2:/);
  assert.match(text, /In a\/library\.sh line 2:/);
  assert.doesNotMatch(text, /no_ending/);
});

test('C++ code that clang-format would change is reported', () => {
  write('src/base/a.cc', 'int  main ( ) { }\n');
  const { status, text } = lint('format');
  assert.equal(status, 1);
  assert.match(text, /src\/base\/a\.cc:1/);
});

test('wrong arguments end with exit code 2 and a sentence', () => {
  assert.match(lint('--what').text, /lint: unknown argument --what/);
  assert.equal(lint('--what').status, 2);
  assert.match(lint('--base', 'nowhere', 'shell').text, /nowhere is not a commit/);
  assert.equal(lint('--base', 'nowhere', 'shell').status, 2);
  assert.equal(lint('--base').status, 2);
});
