// Runs the "By hand" commands of README.md, with the programs in POLLBUS_PROGRAMS, in a network
// namespace where their ports are free.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'dev', 'bin');
const deadlineMs = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'pollbus-by-hand-'));
after(() => rmSync(folder, { recursive: true, maxRetries: 10, retryDelay: 100 }));

// The commands of the section, without the set-up, and with the folder and the programs of this test.
function commands() {
  const [, section] = readFileSync(join(root, 'README.md'), 'utf8').match(/\n## By hand\n(.*?)\n## /s);
  const blocks = [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block);
  assert.equal(blocks.length, 2);
  let text = blocks.join('');
  const replace = (pattern, replacement) => {
    assert.match(text, pattern);
    text = text.replace(pattern, replacement);
  };
  replace(/^scripts\/setup .*\n/, '');
  replace(/\$PWD\/build\/release\/bin/, programs);
  replace(/^dir=.*$/m, `dir=${folder}/by-hand`);
  // The machine in the document runs until Ctrl-C.
  replace(/^voting-machine .*$/m, '$& --votes 20 --voters 1000000');
  return `${text}wait\n`;
}

test('the commands of "By hand" in README.md run an election', { timeout: 2 * deadlineMs }, async (context) => {
  const user = process.getuid() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
  const unshare = ['--net', '--pid', '--fork', '--kill-child', ...user];
  if (spawnSync('unshare', [...unshare, 'true']).status !== 0) {
    context.diagnostic('NOT RUN: this system does not let the test make a network namespace');
    return;
  }
  const script = `ip link set lo up || exit 1\n${commands()}`;
  const { stdout } = await promisify(execFile)('unshare', [...unshare, 'bash', '-c', script], {
    cwd: root,
    // Killing unshare ends everything in its namespaces.
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  const counts = [...stdout.matchAll(/^ +\d+ \| +(\d+)$/gm)].map(([, count]) => Number(count));
  assert.equal(counts.reduce((sum, count) => sum + count, 0), 20, stdout);
});
