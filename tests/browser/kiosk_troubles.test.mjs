// Troubles at the kiosk: keys and tabs that come twice, and crashes of page, browser and machine at every
// step. There is one vote, one answer, and the page that comes back says what is known.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { both, browser, nextVoter, page, place, voteAt, voter } from './at_kiosk.mjs';
import { openPage } from './browser.mjs';
import { VoterAtKiosk } from './voter.mjs';

test('pressing twice, and holding Enter down, cast one vote', async () => {
  await voter.toReview(place, String(nextVoter), [['Mayor', 'Ada Lovelace'], ['Tram line']]);
  const cast = voter.button('kiosk.cast');
  await cast.focus();
  await cast.evaluate((button) => { button.click(); button.click(); });
  for (let i = 0; i < 20; i += 1) await page.keyboard.down('Enter');
  await page.keyboard.up('Enter');
  await voter.heading('kiosk.answer.title.recorded');
  assert.equal(place.cast.length, 1);
});

test('holding Enter down at the start does not go past the first step', async () => {
  await page.goto(place.address);
  await page.locator('.language[lang=en]').focus();
  for (let i = 0; i < 20; i += 1) await page.keyboard.down('Enter');
  await page.keyboard.up('Enter');
  await voter.heading('kiosk.voter.title');
});

test('after a refresh, Back, or in a second tab, each step is the same, and it is one vote', async () => {
  const again = async (heading) => {
    await page.reload();
    await voter.heading(heading);
    await page.goto('about:blank');
    await page.goBack();
    await voter.heading(heading);
    const tab = await page.context().newPage();
    await tab.goto(place.address);
    await new VoterAtKiosk(tab).heading(heading);
    await tab.close();
  };
  await voter.start(place);
  await again('kiosk.voter.title');
  await voter.identify(String(nextVoter));
  await voter.choose('Mayor', 'Ada Lovelace');
  await voter.choose('Tram line', 'No');
  await again('kiosk.review.title');
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  await again('kiosk.answer.title.recorded');
  assert.equal(place.cast.length, 2);
});

test('a tab that still shows the review cannot cast what another tab has changed', async () => {
  await voter.toReview(place, String(nextVoter), [['Mayor', 'Ada Lovelace'], ['Tram line']]);
  const tab = await page.context().newPage();
  // This tab hears nothing of what the other one does.
  await page.route('**/state', (route) => route.abort());
  const other = new VoterAtKiosk(tab);
  await tab.goto(place.address);
  await tab.getByRole('button', { name: voter.text('kiosk.change-of', { title: 'Mayor' }) }).click();
  await tab.getByRole('radio', { name: 'Grace Hopper' }).check();
  await other.press('kiosk.to-review');
  await other.heading('kiosk.review.title');
  await voter.press('kiosk.cast');
  await page.getByText(voter.text('kiosk.review.changed')).waitFor();
  await page.getByText('Grace Hopper').waitFor();
  assert.equal(place.cast.length, 0);
  await page.unroute('**/state');
  await tab.close();
});

test('two tabs that press Cast at the same moment cast one ballot, and both say what became of it', async () => {
  await voter.toReview(place, String(nextVoter), both);
  const tab = await page.context().newPage();
  const other = new VoterAtKiosk(tab);
  await tab.goto(place.address);
  await other.heading('kiosk.review.title');
  await Promise.all([voter.press('kiosk.cast'), other.press('kiosk.cast')]);
  await Promise.all([voter.heading('kiosk.answer.title.recorded'), other.heading('kiosk.answer.title.recorded')]);
  assert.deepEqual(await other.trackingCodes(), await voter.trackingCodes());
  assert.equal(place.cast.length, 2);
  await tab.close();
});

test('a Cast that is sent again, many times or in the session of the next voter, casts nothing', async () => {
  const send = (body) => page.evaluate((text) => fetch('/act', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: text })
    .then((response) => response.json()), body);
  await voter.toReview(place, String(nextVoter), both);
  const asked = page.waitForRequest((each) => each.postData()?.includes('"cast"'));
  await voter.press('kiosk.cast');
  const stolen = (await asked).postData();
  await Promise.all(Array.from({ length: 20 }, () => send(stolen)));
  await voter.heading('kiosk.answer.title.recorded');
  await voter.press('kiosk.done');
  await page.locator('.languages').waitFor();
  await voter.toReview(undefined, String(nextVoter + 5_000), both);
  assert.equal((await send(stolen)).stage, 'review');
  assert.equal(place.cast.length, 2);
});

test('the tab of a voter who has gone shows the session of the next voter, and its Cast does nothing', async () => {
  await voter.toReview(place, String(nextVoter), both);
  const tab = await page.context().newPage();
  const former = new VoterAtKiosk(tab);
  await tab.goto(place.address);
  await former.heading('kiosk.review.title');
  await tab.route('**/state', (route) => route.abort());
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  await voter.press('kiosk.done');
  await page.locator('.languages').waitFor();
  await voter.start();
  await voter.heading('kiosk.voter.title');
  await former.press('kiosk.cast');
  await former.heading('kiosk.voter.title');
  assert.ok(!(await tab.content()).includes('Alan Turing'));
  assert.equal(place.cast.length, 2);
  await tab.close();
});

test('a page that crashes at any step comes back to the same step', async () => {
  const crash = async () => {
    const crashed = page.waitForEvent('crash');
    const context = page.context();
    const session = await context.newCDPSession(page);
    session.send('Page.crash').catch(() => {});
    await crashed;
    await page.close();
    voteAt(await context.newPage());
    await page.goto(place.address);
  };
  await voter.start(place);
  await voter.heading('kiosk.voter.title');
  await crash();
  await voter.identify(String(nextVoter));
  for (const [title, name] of both) {
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await crash();
    await voter.choose(title, name);
  }
  await voter.heading('kiosk.review.title');
  await crash();
  await voter.heading('kiosk.review.title');
  place.answerWith = () => undefined;
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.sending');
  const codes = await voter.trackingCodes();
  await crash();
  await voter.heading('kiosk.answer.title.sending');
  while (place.cast.length < 2) await page.waitForResponse('**/state');
  for (const { UUID } of place.cast) await place.send({ result: 'successful', UUID });
  await voter.heading('kiosk.answer.title.recorded');
  assert.deepEqual(await voter.trackingCodes(), codes);
  assert.equal(place.cast.length, 2);
});

test('a browser that crashes comes back to the same step', async () => {
  await voter.toReview(place, String(nextVoter), both);
  await page.context().close();
  voteAt(await openPage(browser));
  await page.goto(place.address);
  await voter.heading('kiosk.review.title');
  await page.getByText('Alan Turing').waitFor();
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  assert.equal(place.cast.length, 2);
});

test('a page of which the machine could not serve every file is asked for again', async () => {
  await page.route('**/views.mjs', (route) => route.abort(), { times: 1 });
  await page.goto(place.address);
  await page.locator('.languages').waitFor();
});

test('after Done at a machine that does not answer, the page is empty, and the machine ends the session when it is back', async () => {
  await voter.toReview(place, String(nextVoter), [['Mayor', 'Ada Lovelace'], ['Tram line']]);
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  const [code] = await voter.trackingCodes();
  await place.killMachine();
  await voter.press('kiosk.done');
  await page.getByText(voter.text('kiosk.connecting')).waitFor();
  assert.ok(!(await page.content()).includes(code));
  await place.startMachine();
  await page.locator('.languages').waitFor();
});

test('a machine that is killed before the cast says that nothing was cast', async () => {
  await voter.toReview(place, String(nextVoter), both);
  await place.restartMachine();
  await page.getByText(voter.text('kiosk.ended'), { exact: true }).waitFor();
  assert.equal(place.cast.length, 0);
});

test('a machine that is killed before the press on Cast has reached it says that nothing was cast', async () => {
  await voter.toReview(place, String(nextVoter), both);
  await page.route('**/act', (route) => route.abort());
  await voter.press('kiosk.cast');
  await place.restartMachine();
  await page.getByText(voter.text('kiosk.ended'), { exact: true }).waitFor();
  await page.unroute('**/act');
  assert.equal(place.cast.length, 0);
});

test('a machine that is killed after the cast says that the vote is kept, and then that it is recorded', async () => {
  place.answerWith = () => undefined;
  await voter.toReview(place, String(nextVoter), [['Mayor', 'Ada Lovelace'], ['Tram line']]);
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.sending');
  const codes = await voter.trackingCodes();
  await place.restartMachine();
  await voter.heading('kiosk.answer.title.kept');
  assert.deepEqual(await voter.trackingCodes(), codes);
  assert.equal(await page.getByText('failed').count(), 0);
  const [vote] = place.cast;
  await place.send({ result: 'successful', UUID: vote.UUID });
  await voter.heading('kiosk.answer.title.recorded');
  assert.deepEqual(await voter.trackingCodes(), codes);
  assert.equal(place.cast.length, 1);
});
