// Runs scripts/demo with elections that are held as an office does, with the programs in
// POLLBUS_PROGRAMS. The pages themselves are tested in tests/browser.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'dev', 'bin');
const slow = { timeout: 300_000 };
const deadlineMs = 60_000;
const small = ['--loggers', '1', '--recorders', '1', '--machines', '1', '--seed', '7'];

const folder = mkdtempSync(join(tmpdir(), 'pollbus-demo-test-'));
const demos = [];
after(() => {
  for (const demo of demos) demo.child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

class Demo {
  constructor(flags) {
    const env = { ...process.env, POLLBUS_PROGRAMS: programs };
    this.child = spawn(join(root, 'scripts', 'demo'), [...small, ...flags], { env, stdio: 'pipe' });
    demos.push(this);
    this.text = '';
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => (this.text += chunk));
    }
    this.ended = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
  }

  async says(pattern, from = 0) {
    const deadline = Date.now() + deadlineMs;
    while (!pattern.test(this.text.slice(from))) {
      assert.ok(Date.now() < deadline && this.child.exitCode === null, `no ${pattern} in: ${this.text}`);
      await pause(50);
    }
    return this.text.slice(from).match(pattern);
  }

  // Types a command and waits for what it prints.
  async type(command, pattern) {
    const from = this.text.length;
    this.child.stdin.write(`${command}\n`);
    await this.says(pattern, from);
  }
}

async function shows(address, text) {
  const deadline = Date.now() + deadlineMs;
  let page = '';
  while (!page.includes(text)) {
    assert.ok(Date.now() < deadline, `${address} does not show ${text}: ${page}`);
    page = await (await fetch(address)).text();
    await pause(50);
  }
}

// The steps of a person at the kiosk, without the browser.
async function voteAt(address, code, choices) {
  let state = await (await fetch(new URL('state', address))).json();
  const act = async (step) => {
    const { session, revision } = state;
    const headers = { 'Content-Type': 'application/json', Origin: new URL(address).origin };
    const body = JSON.stringify({ session, revision, ...step });
    state = await (await fetch(new URL('act', address), { method: 'POST', headers, body })).json();
  };
  await act({ action: 'start', language: 'en' });
  await act({ action: 'identify', text: code });
  for (const [contest, choice] of choices.entries()) await act({ action: 'next', contest, choice });
  await act({ action: 'cast' });
  const deadline = Date.now() + deadlineMs;
  while (state.lines.some((line) => line.state !== 'recorded')) {
    assert.ok(Date.now() < deadline, JSON.stringify(state));
    await pause(50);
    state = await (await fetch(new URL('state', address))).json();
  }
  await act({ action: 'end' });
  return state;
}

test('with --people, a newcomer votes with a code, watches the board, and closes and certifies the election', slow, async () => {
  const demo = new Demo(['--people', '--voters', '30', '--votes', '20', '--rate', '0']);
  await demo.says(/Ctrl-C ends the demo\./);
  const [, kiosk] = demo.text.match(/^Vote: +(http:\S+)$/m);
  const [, board] = demo.text.match(/^See turnout and result: +(http:\S+)$/m);
  const codes = demo.text.match(/\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3,}\b/g);
  assert.equal(new Set(codes).size, 20);
  await voteAt(kiosk, codes[0], [3, 1]);
  await demo.says(/The simulated machines have cast all their votes: [\d,.]+ a second\./);
  await shows(`${board}elections/12/live.json`, '"voted":21');
  await shows(`${board}elections/13/live.json`, '"voted":21');

  await demo.type('help', /certify +certify the result/);
  await demo.type('seal', /close/);
  const lines = demo.text.match(/^ {2}(export GCP_PROJECT=.*\n.* close --all)$/m)[1];
  assert.match(execFileSync('bash', ['-c', lines], { encoding: 'utf8', input: '' }), /Election 13 is closed/);
  await demo.type('seal', /Election 13 is sealed/);
  await demo.type('certify', /certified[^]*certified/);
  await demo.type('results', /Grace Hopper/);
  await demo.type('status', /Election 12/);
  await demo.type('history', /seal/);
  await shows(`${board}elections/12`, 'Certified result');
  const data = demo.text.match(/OFFICE_FOLDER=(\S+)\/office/)[1];
  assert.ok(existsSync(data));
  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0, demo.text);
  assert.ok(!existsSync(data));
});

test('with --election and --exit, an election with a roll goes from its definition to the certified result', slow, async () => {
  const definition = JSON.parse(readFileSync(join(root, 'scripts/demo.d/elections/tram.json'), 'utf8'));
  const file = join(folder, 'roll.json');
  writeFileSync(file, JSON.stringify({ ...definition, election_ID: 44, eligibility: 'roll', test: true }));
  const demo = new Demo(['--election', file, '--exit', '--votes', '60', '--voters', '40']);
  assert.equal(await demo.ended, 0, demo.text);
  assert.match(demo.text, /\$ election-office certify/);
  assert.match(demo.text, /TEST/);
  assert.match(demo.text, /Yes/);
});

test('elections of different events cannot be held together', slow, async () => {
  const definition = JSON.parse(readFileSync(join(root, 'scripts/demo.d/elections/tram.json'), 'utf8'));
  const file = join(folder, 'other.json');
  writeFileSync(file, JSON.stringify({ ...definition, election_ID: 45, event: 'Other' }));
  const mayor = join(root, 'scripts/demo.d/elections/mayor.json');
  const demo = new Demo(['--election', mayor, '--election', file]);
  assert.equal(await demo.ended, 1);
  assert.match(demo.text, /belongs to another event/);
});
