// A kiosk for the tests of a file that imports this module, which all share, and a voter with a fresh
// browser for each of them.

import { after, afterEach, before, beforeEach } from 'node:test';

import { openBrowser, openPage } from './browser.mjs';
import { PollingPlace } from './polling_place.mjs';
import { VoterAtKiosk } from './voter.mjs';

const people = ['Ada Lovelace', 'Alan Turing', 'Grace Hopper'];
export const mayor = { title: { en: 'Mayor', fr: 'Maire', ar: 'رئيس البلدية' }, choices: people };
const tram = { title: 'Tram line', choices: ['Yes', 'No'] };
export const both = [['Mayor', 'Alan Turing'], ['Tram line', 'Yes']];

export let browser;
export let place;
export let page;
export let voter;
export let nextVoter = 1_000;

// The voter goes on at this page.
export function voteAt(at, language = 'en') {
  page = at;
  voter = new VoterAtKiosk(page, language);
}

before(async () => {
  browser = await openBrowser();
  place = await PollingPlace.open('City 2026', { 12: mayor, 13: tram });
});
after(async () => {
  await browser?.close();
  await place?.close();
});

beforeEach(async () => {
  nextVoter += 1;
  place.votes.clear();
  place.answerWith = () => ({ result: 'successful' });
  voteAt(await openPage(browser));
});
afterEach(async () => {
  const context = page.context();
  if ((await page.getByRole('button', { name: voter.texts['kiosk.done'] }).count()) > 0) await voter.press('kiosk.done');
  else if ((await page.locator('#leave-button').count()) > 0) {
    await page.locator('#leave-button').click();
    await page.locator('dialog .primary').click();
  }
  await page.locator('.languages').waitFor();
  await context.close();
});
