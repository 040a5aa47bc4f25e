// scripts/pedestrian-demo itself, with the programs in POLLBUS_PROGRAMS.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { parseFlags } from '../../scripts/pedestrian-demo.d/flags.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'dev', 'bin');
const folder = mkdtempSync(join(tmpdir(), 'pollbus-pedestrian-demo-'));
after(() => rmSync(folder, { recursive: true }));

// Runs it to its end: { code, text }.
function runDemo(flags, env = {}) {
  const child = spawn(join(root, 'scripts', 'pedestrian-demo'), flags, {
    env: { ...process.env, POLLBUS_PROGRAMS: programs, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })));
}

test('every scene becomes a view, and the table says how far off', { timeout: 120_000 }, async () => {
  const [out, summary] = [join(folder, 'views'), join(folder, 'summary.json')];
  const { code, text } = await runDemo(['--scenes', '6', '--seed', '3', '--exit', '--out', out, '--summary', summary]);
  assert.equal(code, 0, text);
  assert.equal(readdirSync(out).filter((file) => file.endsWith('.png')).length, 6);
  assert.equal(readdirSync(join(out, 'sheets')).filter((file) => file.endsWith('.png')).length, 6);
  assert.match(text, /6 views; 0 without car 1, 0 without the pedestrian/);
  const found = JSON.parse(readFileSync(summary, 'utf8'));
  assert.equal(found.views, 6);
  assert.ok(found.car1_error_m.median < 0.4, text);
  assert.ok(found.pedestrian_error_m.median < 0.4, text);
});

test('a part that fails is told with the end of its log', { timeout: 120_000 }, async () => {
  writeFileSync(join(folder, 'labels.csv'), 'Timestamp\n1\n');
  writeFileSync(join(folder, 'mlp_camA.json'), '{}');
  const { code, text } = await runDemo(['--data', folder, '--exit', '--out', join(folder, 'none')]);
  assert.equal(code, 1, text);
  assert.match(text, /pedestrian-location 1 ended unexpectedly \(exit 2\)/);
  assert.match(text, /input_scale: expected 5 numbers/);
});

test('a folder that cannot be written is refused before anything is started', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const { code, text } = await runDemo(['--out', join(file, 'views')]);
  assert.equal(code, 2, text);
  assert.match(text, /^pedestrian-demo: --out: expected a folder that can be written to \(ENOTDIR\), got /m);
  assert.doesNotMatch(text, /rendered|broker/);
});

test('wrong flags are all told at once', () => {
  const { problems } = parseFlags(['--scenes', '0', '--rate', 'x', '--data', '/none', '--what', '--out']);
  assert.deepEqual(problems, [
    '--scenes: expected an integer from 1 to 10000, got "0"',
    '--rate: expected a number from 0 to 1000, got "x"',
    '--data: expected a folder with a labels.csv, got "/none"',
    '--what: unknown flag (--help lists all flags)',
    '--out: a value is missing',
  ]);
});
