// Voting at the kiosk in a real browser, with the real machine and broker.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';

import { both, mayor, nextVoter, page, place, voteAt, voter } from './at_kiosk.mjs';
import { PollingPlace, trackingCode } from './polling_place.mjs';
import { assertFocusIsVisible } from './voter.mjs';

test('a voter goes from the language to the recorded votes and sees their tracking codes', async () => {
  await voter.toReview(place, String(nextVoter), both);
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  assert.deepEqual(place.cast.map(({ election_ID, voting, voter_ID }) => [election_ID, voting, voter_ID]), [[12, 1, nextVoter], [13, 0, nextVoter]]);
  const expected = place.cast.map((vote) => trackingCode(vote.election_ID, vote.UUID));
  assert.deepEqual(await voter.trackingCodes(), expected);
  assert.notEqual(place.cast[0].UUID, place.cast[1].UUID);
});

test('the whole flow works with the keyboard alone, with a visible focus that moves to each new heading', async () => {
  const { keyboard } = page;
  const atHeading = async (name) => {
    await page.getByRole('heading', { level: 1, name }).waitFor();
    await page.waitForFunction(() => document.activeElement.id === 'heading');
    await assertFocusIsVisible(page, name);
  };
  const tabTo = async (selector) => {
    for (let i = 0; i < 20; i += 1) {
      await keyboard.press('Tab');
      await assertFocusIsVisible(page, selector);
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
    }
    assert.fail(`Tab does not reach ${selector}`);
  };
  await page.goto(place.address);
  await page.locator('.languages').waitFor();
  await tabTo('.language[lang=en]');
  await keyboard.press('Enter');
  await atHeading(voter.text('kiosk.voter.title'));
  await tabTo('#field');
  await keyboard.type(String(nextVoter));
  await keyboard.press('Enter');
  await atHeading('Mayor');
  await tabTo('#choice-0');
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowDown');
  await tabTo('.actions .primary');
  await keyboard.press('Enter');
  await atHeading('Tram line');
  await tabTo('.actions .primary');
  await keyboard.press('Space');
  await atHeading(voter.text('kiosk.review.title'));
  await page.getByText(voter.text('kiosk.no-vote-here')).waitFor();
  await tabTo('.actions .primary');
  await keyboard.press('Enter');
  await voter.heading('kiosk.answer.title.recorded');
  assert.deepEqual(place.cast.map((vote) => vote.voting), [2]);
});

for (const language of ['fr', 'ar']) {
  test(`the whole flow works in ${language === 'ar' ? 'Arabic, from right to left' : 'French'}`, async () => {
    voteAt(page, language);
    const title = mayor.title[language];
    await voter.toReview(place, String(nextVoter), [[title, 'Grace Hopper'], ['Tram line']]);
    assert.equal(await page.locator('html').getAttribute('dir'), language === 'ar' ? 'rtl' : 'ltr');
    await voter.press('kiosk.cast');
    await voter.heading('kiosk.answer.title.recorded');
    assert.deepEqual(place.cast.map((vote) => vote.voting), [2]);
  });
}

test('a choice can be changed after the review', async () => {
  await voter.toReview(place, String(nextVoter), both);
  await page.getByRole('button', { name: voter.text('kiosk.change-of', { title: 'Mayor' }) }).click();
  await page.getByRole('radio', { name: 'Grace Hopper' }).check();
  await voter.press('kiosk.to-review');
  await voter.heading('kiosk.review.title');
  await page.getByText('Grace Hopper').waitFor();
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  assert.deepEqual(place.cast.map((vote) => vote.voting), [2, 0]);
});

test('what a voter has typed and left is gone for the next voter', async () => {
  await voter.start(place);
  await voter.heading('kiosk.voter.title');
  await page.locator('#field').fill('424242');
  await page.locator('#leave-button').click();
  await page.locator('dialog .primary').click();
  await page.locator('.languages').waitFor();
  await voter.start();
  await voter.heading('kiosk.voter.title');
  assert.equal(await page.locator('#field').inputValue(), '');
});

test('without an answer, the vote is kept after ten seconds and the voter is told not to vote again', async () => {
  place.answerWith = () => undefined;
  await voter.toReview(place, String(nextVoter), [['Mayor', 'Ada Lovelace'], ['Tram line']]);
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.kept');
  await page.getByText(voter.text('kiosk.answer.kept'), { exact: true }).waitFor();
  assert.equal((await voter.trackingCodes()).length, 1);
});

const troubles = [
  [{ result: 'Already Voted!!!' }, 'already-voted', 'kiosk.answer.already-voted'],
  [{ result: 'Rejected', reason: 'the election is closed' }, 'not-recorded', 'kiosk.reason.closed'],
  [{ result: 'Rejected', reason: 'the code is wrong' }, 'not-recorded', 'kiosk.reason.wrong-code'],
];
for (const [answer, title, text] of troubles) {
  test(`the answer "${answer.reason ?? answer.result}" is told in plain words`, async () => {
    place.answerWith = () => answer;
    await voter.toReview(place, String(nextVoter), [['Mayor', 'Ada Lovelace'], ['Tram line']]);
    await voter.press('kiosk.cast');
    await voter.heading(`kiosk.answer.title.${title}`);
    await page.getByText(voter.text(text)).waitFor();
    assert.equal((await voter.trackingCodes()).length, 0);
  });
}

test('a voter who is away is asked after five minutes, can go on ten times, and else everything is deleted', async () => {
  await page.clock.install();
  await voter.toReview(place, String(nextVoter), both);
  for (let i = 0; i < 10; i += 1) {
    await page.clock.fastForward(300_000);
    await page.locator('#idle-dialog[open]').waitFor();
    assert.ok(await page.evaluate(() => document.activeElement.closest('#idle-dialog') !== null), 'the dialog has the focus');
    await page.keyboard.press('Enter');
    await page.locator('#idle-dialog').waitFor({ state: 'detached' });
  }
  await voter.heading('kiosk.review.title');
  await page.clock.fastForward(300_000);
  await page.locator('#idle-dialog[open]').waitFor();
  await page.clock.fastForward(46_000);
  await page.locator('.languages').waitFor();
  assert.equal(place.cast.length, 0);
});

test('after thirty seconds the answer is gone, with everything that the voter has set', async () => {
  await page.clock.install();
  await page.goto(place.address);
  await page.locator('#display-button').click();
  await page.getByRole('radio', { name: voter.text('size.xl'), exact: true }).check();
  await page.getByRole('radio', { name: voter.text('theme.high-dark'), exact: true }).check();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.documentElement.dataset.size === 'xl');
  await voter.start();
  await voter.identify(String(nextVoter));
  await voter.choose('Mayor', 'Ada Lovelace');
  await voter.choose('Tram line');
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  await page.clock.fastForward(31_000);
  await page.locator('.languages').waitFor();
  const { size, theme } = await page.evaluate(() => ({ ...document.documentElement.dataset }));
  assert.deepEqual([size, theme, await page.locator('html').getAttribute('lang')], ['m', 'light', 'en']);
});

test('a clock that is set while somebody votes neither ends the session nor prolongs it', async () => {
  const day = 86_400_000;
  const set = (by) => page.clock.setSystemTime(Date.now() + by);
  await page.clock.install();
  await voter.toReview(place, String(nextVoter), both);
  await set(day);
  const polled = page.waitForResponse('**/state');
  await page.clock.runFor(2_000);
  await polled;
  await voter.heading('kiosk.review.title');
  assert.equal(await page.locator('#idle-dialog').count(), 0);
  await set(-day);
  await page.clock.fastForward(300_000);
  await page.locator('#idle-dialog[open]').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#idle-dialog').waitFor({ state: 'detached' });
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  await page.locator('#countdown', { hasText: /\d/ }).waitFor();
  await set(-day);
  await page.clock.fastForward(31_000);
  await page.locator('.languages').waitFor();
});

test('voting that closes while the voter is at the review is said, and the logger decides', async () => {
  const other = await PollingPlace.open('Closing soon', { 21: mayor });
  try {
    await voter.toReview(other, String(nextVoter), [['Mayor', 'Ada Lovelace']]);
    other.office.happen(21, 'close');
    await page.getByText(voter.text('kiosk.now-closed')).waitFor();
    other.answerWith = () => ({ result: 'Rejected', reason: 'the election is closed' });
    await voter.press('kiosk.cast');
    await page.getByText(voter.text('kiosk.reason.closed')).waitFor();
    await voter.press('kiosk.done');
    await page.getByText(voter.text('kiosk.not-open')).waitFor();
  } finally {
    await other.close();
  }
  await page.goto(place.address);
});

test('after the session nothing of the voter is in the page, in what the browser keeps, or in the log', async () => {
  const canary = String(770_000_000_000 + nextVoter);
  await voter.toReview(place, canary, [['Mayor', 'Grace Hopper'], ['Tram line', 'No']]);
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  const uuids = place.cast.map((vote) => vote.UUID);
  const codes = await voter.trackingCodes();
  await voter.press('kiosk.done');
  await page.locator('.languages').waitFor();
  const traces = await voter.traces();
  const log = place.machineLog();
  for (const secret of [canary, 'Grace Hopper', ...codes, ...uuids]) {
    assert.ok(!traces.includes(secret), `${secret} is in the page`);
    assert.ok(!log.includes(secret), `${secret} is in the log`);
  }
  assert.ok(traces.includes(`"url":"${place.address}"`));
  assert.equal((await page.context().cookies()).length, 0);
  await page.goBack().catch(() => {});
  assert.ok(!(await page.content()).includes('Grace Hopper'));
  await page.goto(place.address);
});

const ask = (headers, { method = 'GET', path = '/state', body } = {}) =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: place.port, path, method, headers }, (answer) => {
      answer.resume();
      resolve(answer);
    });
    asked.on('error', reject);
    asked.end(body);
  });

test('other web sites and other names of this machine are refused, and nothing may be cached', async () => {
  await page.goto(place.address);
  const host = `127.0.0.1:${place.port}`;
  const json = { 'Content-Type': 'application/json' };
  const post = { method: 'POST', path: '/act', body: '{}' };
  const good = await ask({ Host: host });
  assert.equal(good.statusCode, 200);
  assert.equal(good.headers['cache-control'], 'no-store');
  assert.match(good.headers['content-security-policy'], /default-src 'none'/);
  assert.equal((await ask({ Host: `kiosk.example:${place.port}` })).statusCode, 421);
  assert.equal((await ask({ Host: host, Origin: 'http://evil.example', ...json }, post)).statusCode, 403);
  assert.equal((await ask({ Host: host, ...json }, post)).statusCode, 403);
  assert.equal((await ask({ Host: host, Origin: `http://${host}` }, post)).statusCode, 415);
  assert.equal((await ask({ Host: host, Origin: `http://${host}`, ...json }, { ...post, body: 'x'.repeat(5_000) })).statusCode, 413);
  assert.equal((await ask({ Host: host, Origin: `http://${host}`, ...json }, { ...post, body: '[' })).statusCode, 400);
});
