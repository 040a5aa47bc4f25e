// Runs scripts/demo as a whole, with the programs in POLLBUS_PROGRAMS.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { somebodyListens, splitHostAndPort } from '../../scripts/local.d/ports.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'dev', 'bin');
const timeout = 300_000;
const deadlineMs = 120_000;

const folder = mkdtempSync(join(tmpdir(), 'pollbus-demo-test-'));
const demos = [];
after(() => {
  // A demo that a failed test left behind would keep the test runner waiting.
  for (const demo of demos) demo.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function eventually(what, holds) {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what()}`);
    await pause(50);
  }
}

// Starts a demo; `before` is a command that runs it. Returns { child, text(), ended }.
function startDemo(flags, env = {}, before = []) {
  const [program, ...words] = [...before, join(root, 'scripts', 'demo'), ...flags];
  const child = spawn(program, words, {
    env: { ...process.env, POLLBUS_PROGRAMS: programs, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  demos.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  }
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
  return { child, text: () => text, ended };
}

async function runToTheEnd(name, flags, before = []) {
  const file = join(folder, `${name}.json`);
  const demo = startDemo([...flags, '--exit', '--summary', file], {}, before);
  assert.equal(await demo.ended, 0, demo.text());
  return { summary: JSON.parse(readFileSync(file, 'utf8')), text: demo.text() };
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

// The addresses of the broker, Redis and PostgreSQL, as the demo prints them.
function serversOf(text) {
  const lines = text.split('\n').filter((line) => /^ {2}(pubsub-broker|Redis|PostgreSQL) /.test(line));
  return lines.map((line) => splitHostAndPort(line.trim().split(/\s+/)[1]));
}

const folderOf = (text) => text.match(/--journal '?(\S+)\/machine-/)[1];

// A command line that the demo offers while it stays up.
const offered = (text, start) => text.split('\n').find((line) => line.startsWith(`  ${start}`)).trim();

async function startAndStay(flags = ['--votes', '5', '--loggers', '1', '--recorders', '1']) {
  const demo = startDemo(['--machines', '1', ...flags]);
  await eventually(demo.text, () => /\n {2}kill -KILL \d+\n\n$/.test(demo.text()));
  return demo;
}

async function assertNobodyListens(servers) {
  assert.equal(servers.length, 3);
  for (const { host, port } of servers) {
    await eventually(() => `a server still listens on ${port}`, async () => !(await somebodyListens(port, host)));
  }
}

test('two elections that run at the same time both end with stores that agree', { timeout }, async () => {
  const [one, other] = await Promise.all([
    runToTheEnd('one', ['--machines', '3', '--votes', '40', '--voters', '50', '--seed', '7']),
    runToTheEnd('other', ['--machines', '2', '--votes', '50', '--in-flight', '20', '--loggers', '1']),
  ]);
  assertSound(one.summary, 120);
  assertSound(other.summary, 100);
  const votes = one.text.match(/^machine \d \| voter +\d+ chooses \d: (recorded|refused, .*)$/gm);
  assert.equal(votes.length, 120);
  assert.equal(votes.filter((line) => line.endsWith(': recorded')).length, one.summary.successful);
});

test('Ctrl-C stops everything and removes the data, and no secret was shown', { timeout }, async () => {
  const demo = await startAndStay();
  const data = folderOf(demo.text());
  const names = readdirSync(data).filter((name) => /_(password|key)$/.test(name));
  const secrets = names.map((name) => readFileSync(join(data, name), 'utf8'));
  assert.ok(secrets.length >= 8);
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
  assert.match(demo.text(), /No vote was added since the table above\.\n$/);
  for (const secret of secrets) {
    assert.equal(secret.length, 64);
    for (const text of [demo.text(), ...commandLines, ...logs]) assert.ok(!text.includes(secret));
  }
  assert.ok(!existsSync(data));
  await assertNobodyListens(serversOf(demo.text()));
});

test('the commands that the demo prints work, and Ctrl-C shows what one more machine added', { timeout }, async () => {
  const demo = await startAndStay(['--votes', '100', '--voters', '5']);
  const shell = (command) => execFileSync('bash', ['-c', command], { encoding: 'utf8' });
  shell(`${offered(demo.text(), 'GCP_PROJECT=')} --votes 10 --rate 0`);
  // All five voters have voted (with 100 random votes), so the ten votes of the other machine are those of new voters.
  const select = "-Atc 'SELECT count(*) FROM votes'";
  assert.equal(Number(shell(`${offered(demo.text(), 'PGPASSWORD=')} ${select}`)), 15);
  assert.equal(Number(shell(`${offered(demo.text(), 'REDISCLI_AUTH=')} DBSIZE`)), 15);
  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0, demo.text());
  const again = demo.text().slice(demo.text().indexOf('kill -KILL'));
  assert.match(again, /^machine 2 +10 +10 +0 +0 +0 /m);
  assert.match(again, /^all 2 +110 +15 +95 +0 +0 /m);
  const added = [...again.matchAll(/^ {2}choice \d .* \+(\d+)$/gm)].map((match) => Number(match[1]));
  assert.equal(added.length, 5);
  assert.equal(added.reduce((sum, count) => sum + count), 10);
});

test('nothing survives a demo that is killed', { timeout }, async () => {
  const demo = await startAndStay();
  demo.child.kill('SIGKILL');
  assert.equal(await demo.ended, 'SIGKILL');
  await assertNobodyListens(serversOf(demo.text()));
  rmSync(folderOf(demo.text()), { recursive: true, maxRetries: 10, retryDelay: 100 });
});

test('a replica or a server that is killed is started again, and the election goes on', { timeout }, async () => {
  const demo = await startAndStay();
  const [broker, redis, postgres] = serversOf(demo.text()).map(({ port }) => port);
  const victims = [
    ['voting-logger 1', Number(offered(demo.text(), 'kill ').split(' ').at(-1))],
    ['pubsub-broker', serverProcess(/\/pubsub-broker\0/, broker)],
    ['Redis', serverProcess(/^redis-server /, redis)],
    ['PostgreSQL', serverProcess(/\/postgres\0-D\0/, postgres)],
  ];
  for (const [, pid] of victims) process.kill(pid, 'SIGKILL');
  for (const [name] of victims) {
    await eventually(demo.text, () => demo.text().includes(`>> ${name} runs again.`));
    assert.match(demo.text(), new RegExp(`>> ${name} was killed \\(SIGKILL\\)\\. The election goes on`));
  }
  execFileSync('bash', ['-c', `${offered(demo.text(), 'GCP_PROJECT=')} --votes 10 --rate 0`]);
  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0, demo.text());
  assert.match(demo.text(), /^machine 2 +10 +10 +0 +0 +0 /m);
});

// The id of the process of a server that listens on this port.
function serverProcess(program, port) {
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).find((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return program.test(words) && words.includes(String(port));
    } catch {
      return false;
    }
  });
  assert.ok(found, `no process of ${program} with port ${port}`);
  return Number(found);
}

test('a part that fails at its start ends the demo, which shows its last lines', { timeout }, async () => {
  const broken = mkdtempSync(join(folder, 'broken-'));
  for (const program of ['pubsub-broker', 'voting-recorder', 'voting-machine']) {
    symlinkSync(join(programs, program), join(broken, program));
  }
  writeFileSync(join(broken, 'voting-logger'), '#!/bin/sh\necho no logger today >&2\nexit 7\n', { mode: 0o755 });
  const demo = startDemo(['--exit'], { POLLBUS_PROGRAMS: broken });
  assert.equal(await demo.ended, 1);
  assert.match(demo.text(), /voting-logger \d ended unexpectedly \(exit 7\)/);
  assert.match(demo.text(), / {2}no logger today/);
  const [, kept] = demo.text().match(/are kept in (\S+)/);
  rmSync(join(process.cwd(), kept), { recursive: true });
});

test('a host that has only IPv6 runs the demo', { timeout }, async (context) => {
  const user = process.getuid() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
  const unshare = ['unshare', '--net', ...user];
  if (spawnSync(unshare[0], [...unshare.slice(1), 'true']).status !== 0) {
    context.diagnostic('NOT RUN: this system does not let the test make a network namespace');
    return;
  }
  const onlyIpv6 = 'ip link set lo up && ip addr del 127.0.0.1/8 dev lo && exec "$@"';
  const { summary, text } = await runToTheEnd('ipv6', ['--votes', '10'], [...unshare, 'bash', '-c', onlyIpv6, '-']);
  assertSound(summary, 30);
  assert.deepEqual(serversOf(text).map(({ host }) => host), ['::1', '::1', '::1']);
});

test('all wrong flags are reported, and nothing starts', { timeout }, async () => {
  const demo = startDemo(['--machines', '0', '--votes', 'x']);
  assert.equal(await demo.ended, 2);
  assert.equal(demo.text().trim().split('\n').length, 2);
});
