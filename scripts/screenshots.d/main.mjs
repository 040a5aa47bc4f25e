// scripts/screenshots: pictures of the pages of a real election.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { openBrowser, openPage } from '../../tests/browser/browser.mjs';
import { HeldElection } from '../demo.d/held_election.mjs';
import { parseFlags } from '../demo.d/flags.mjs';
import { makeFolder } from '../local.d/running.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [folder, all] = process.argv.slice(2);
const flags = ['--people', '--seed', '7', '--loggers', '1', '--recorders', '1', '--machines', '3', '--rate', '0'];

const election = new HeldElection({
  options: parseFlags(flags).options,
  folder: makeFolder(root),
  scripts: join(root, 'scripts'),
  programs: process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'release', 'bin'),
  report: console.error,
});
let browser;

async function shoot(page, name, options = {}) {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${name}.png`), ...options });
}

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();

// A voter's way through the pages. `onStep(name)` is called at each.
async function vote(page, code, onStep) {
  await page.goto(election.kioskAddress);
  const english = page.getByRole('button', { name: 'English' });
  await english.waitFor();
  await onStep('1-start');
  await english.click();
  await page.locator('#field').fill(code);
  await onStep('2-code');
  await page.getByRole('button', { name: 'Next' }).click();
  await heading(page, 'Mayor');
  await page.getByRole('radio', { name: 'Grace Hopper' }).check();
  await onStep('3-contest');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('radio', { name: 'Yes' }).waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.locator('.actions .primary').waitFor();
  await onStep('4-review');
  await page.locator('.actions .primary').click();
  await page.locator('.tracking').waitFor();
  await pause(1_000);
  await onStep('5-answer');
  await page.getByRole('button', { name: 'Done' }).click();
  await english.waitFor();
}

async function takeAll() {
  const page = await openPage(browser);
  const [, , code] = election.tickets();
  await vote(page, code, (name) => shoot(page, `kiosk-${name}`));
  for (const [name, path] of Object.entries({
    list: '/', open: '/elections/12', live: '/elections/13', hall: '/elections/13?view=hall', tracking: '/tracking',
    history: '/elections/12/history', arabic: '/elections/13?lang=ar', dark: '/elections/13?theme=high-dark&size=xl',
  })) {
    await page.goto(new URL(path, election.boardAddress).href);
    await shoot(page, `board-${name}`, { fullPage: true });
  }
}

async function takeKiosk(page) {
  const [code] = election.tickets();
  await vote(page, code, (name) => (name === '3-contest' ? shoot(page, 'kiosk') : undefined));
}

async function endElection() {
  await election.machineSummaries();
  for (const command of ['close', 'seal', 'certify']) await election.officeSays(command, '--all');
}

async function shows(page, path, text) {
  for (let i = 0; i < 100; i += 1) {
    await page.goto(new URL(path, election.boardAddress).href);
    if ((await page.textContent('main')).includes(text)) return;
    await pause(100);
  }
  throw new Error(`${path} does not show ${text}`);
}

mkdirSync(folder, { recursive: true });
try {
  await election.start();
  await election.startMachines();
  for (const machine of election.machines) machine.child.stdout.resume();
  browser = await openBrowser();
  const page = await openPage(browser);
  if (all === 'true') await takeAll();
  else await takeKiosk(page);
  await endElection();
  await shows(page, '/elections/12', 'Certified result');
  await shoot(page, all === 'true' ? 'board-certified' : 'board', { fullPage: all === 'true' });
} finally {
  await browser?.close();
  await election.stop();
  election.removeFiles();
}
process.exit();
