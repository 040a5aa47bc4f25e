// scripts/demo itself, with the programs in POLLBUS_PROGRAMS.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { somebodyListens } from '../../scripts/local.d/ports.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'dev', 'bin');
const timeout = 300_000;
const deadlineMs = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'pollbus-demo-test-'));
after(() => rmSync(folder, { recursive: true }));

async function eventually(what, holds) {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what()}`);
    await pause(50);
  }
}

// A running demo: { child, text(), ended }.
function startDemo(flags, env = {}) {
  const child = spawn(join(root, 'scripts', 'demo'), flags, {
    env: { ...process.env, POLLBUS_PROGRAMS: programs, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  }
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
  return { child, text: () => text, ended };
}

async function runToTheEnd(name, flags) {
  const file = join(folder, `${name}.json`);
  const demo = startDemo([...flags, '--exit', '--summary', file]);
  assert.equal(await demo.ended, 0, demo.text());
  return JSON.parse(readFileSync(file, 'utf8'));
}

function assertSound(summary, sent) {
  assert.equal(summary.sent, sent);
  assert.equal(summary.pending, 0);
  assert.equal(summary.rejected, 0);
  assert.equal(summary.successful + summary.already_voted, sent);
  assert.equal(summary.rows, summary.successful);
  assert.equal(summary.marks, summary.successful);
  const votes = Object.values(summary.tally['12']).reduce((sum, count) => sum + count, 0);
  assert.equal(votes, summary.rows);
}

const portsOf = (text) => [...text.matchAll(/ at 127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
const folderOf = (text) => text.match(/--journal '?(\S+)\/machine-/)[1];

async function startAndStay() {
  const demo = startDemo(['--machines', '1', '--votes', '5', '--loggers', '1', '--recorders', '1']);
  await eventually(demo.text, () => demo.text().includes('One more machine:') && demo.text().endsWith('\n\n'));
  return demo;
}

async function assertNobodyListens(ports) {
  assert.equal(ports.length, 3);
  for (const port of ports) {
    await eventually(() => `somebody listens on ${port}`, async () => !(await somebodyListens(port)));
  }
}

test('two elections beside each other are both sound', { timeout }, async () => {
  const [one, other] = await Promise.all([
    runToTheEnd('one', ['--machines', '3', '--votes', '40', '--voters', '50', '--seed', '7']),
    runToTheEnd('other', ['--machines', '2', '--votes', '50', '--in-flight', '20', '--loggers', '1']),
  ]);
  assertSound(one, 120);
  assertSound(other, 100);
});

test('Ctrl-C stops everything and takes the data away; no secret was shown', { timeout }, async () => {
  const demo = await startAndStay();
  const data = folderOf(demo.text());
  const secrets = ['redis_password', 'postgres_password', 'logger_key', 'recorder_key'].map((name) =>
    readFileSync(join(data, name), 'utf8'),
  );
  const commandLines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  const logs = readdirSync(data)
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(join(data, name), 'utf8'));
  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0, demo.text());
  for (const secret of secrets) {
    assert.equal(secret.length, 64);
    for (const text of [demo.text(), ...commandLines, ...logs]) assert.ok(!text.includes(secret));
  }
  assert.ok(!existsSync(data));
  await assertNobodyListens(portsOf(demo.text()));
});

test('nothing survives a demo that is killed', { timeout }, async () => {
  const demo = await startAndStay();
  demo.child.kill('SIGKILL');
  assert.equal(await demo.ended, 'SIGKILL');
  await assertNobodyListens(portsOf(demo.text()));
  rmSync(folderOf(demo.text()), { recursive: true, maxRetries: 10, retryDelay: 100 });
});

test('a part that fails ends the demo, which shows its last lines', { timeout }, async () => {
  const broken = mkdtempSync(join(folder, 'broken-'));
  for (const program of ['pubsub-broker', 'voting-recorder', 'voting-machine']) {
    symlinkSync(join(programs, program), join(broken, program));
  }
  writeFileSync(join(broken, 'voting-logger'), '#!/bin/sh\necho what went wrong >&2\nexit 7\n', { mode: 0o755 });
  const demo = startDemo(['--exit'], { POLLBUS_PROGRAMS: broken });
  assert.equal(await demo.ended, 1);
  assert.match(demo.text(), /voting-logger \d ended unexpectedly \(exit 7\)/);
  assert.match(demo.text(), / {2}what went wrong/);
  const [, kept] = demo.text().match(/are kept in (\S+)/);
  rmSync(join(process.cwd(), kept), { recursive: true });
});

test('wrong flags are all told, and nothing starts', { timeout }, async () => {
  const demo = startDemo(['--machines', '0', '--votes', 'x']);
  assert.equal(await demo.ended, 2);
  assert.equal(demo.text().trim().split('\n').length, 2);
});
