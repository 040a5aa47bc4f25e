// The election board in a real browser, with a real database.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { HtmlValidate } from 'html-validate';

import { BoardPlace } from './board_place.mjs';
import { assertAccessible, layoutProblems, leastContrast, openBrowser, openPage } from './browser.mjs';

const longName = 'Maria-Magdalena von und zu '.repeat(8).slice(0, 200);
const people = ['Ada Lovelace', 'Alan Turing', 'Grace Hopper', 'محمد بن موسى الخوارزمي', 'Émilie du Châtelet', 'Zuzana Ďurišová-Nováková'];

function choices(names) {
  return names.map((name, voting) => ({ voting, name: /\p{Script=Arabic}/u.test(name) ? { ar: name } : { en: name } }));
}

let place;
let browser;
const elections = {};

before(async () => {
  place = await BoardPlace.start();
  browser = await openBrowser();
  elections.open = await place.define({ election_ID: 12, title: { en: 'Ward 4', fr: 'Quartier 4', ar: 'الدائرة 4' }, choices: choices(people.slice(0, 3)) });
  await place.open(elections.open);
  await place.vote(elections.open, [711, 318, 205]);
  elections.live = await place.define({ election_ID: 13, title: { en: 'Budget' }, results: 'live', choices: choices(['Yes', 'No']) });
  await place.open(elections.live);
  elections.closed = await place.define({ election_ID: 14, title: { en: 'School board' }, choices: choices([...people, longName, ...Array.from({ length: 33 }, (_, i) => `Candidate ${i + 8}`)]) });
  await place.open(elections.closed);
  await place.vote(elections.closed, [120, 120, 80, 40, 7]);
  await place.spread(elections.closed, 12);
  await place.close(elections.closed);
  elections.certified = await place.define({ election_ID: 15, title: { en: 'Rehearsal' }, test: true, choices: choices(['Tea', 'Coffee']) });
  await place.open(elections.certified);
  await place.vote(elections.certified, [2, 1]);
  await place.close(elections.certified);
  await place.certify(elections.certified);
  await shows('/', 'Rehearsal');
});

after(async () => {
  await browser?.close();
  await place?.stop();
});

// Waits until the board serves a page with the text.
async function shows(path, text) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const response = await fetch(place.address + path);
    if ((await response.text()).includes(text)) return;
    assert.ok(Date.now() < deadline, `${path} does not show ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function open(path, options) {
  const page = await openPage(browser, options);
  await page.goto(place.address + path);
  return page;
}

const closePage = (page) => page.context().close();
const paths = ['/', '/elections/12', '/elections/13', '/elections/14', '/elections/15', '/elections/14/history', '/tracking', '/tracking?code=0000-0000-0000-0000', '/nowhere'];
const withQuery = (path, query) => path + (path.includes('?') ? '&' : '?') + query;

const displays = ['lang=en', 'lang=ar&size=xl', 'lang=de&theme=high-dark', 'lang=fr&theme=dark&size=s', 'lang=es&theme=high-light', 'lang=en&view=hall'];

test('no page has anything cut off or of low contrast in any theme and size, and all follow the rules of accessibility', async () => {
  const page = await openPage(browser);
  for (const path of paths) {
    for (const query of displays) {
      const address = withQuery(path, query);
      await page.goto(place.address + address);
      assert.deepEqual(await layoutProblems(page), [], address);
      const { contrast, text } = await leastContrast(page);
      assert.ok(contrast >= (query.includes('high') ? 20 : 10), `${address}: contrast ${contrast} of "${text}"`);
      // The largest page in every theme and language, all others in one.
      if (query === displays[0] || path === '/elections/14') await assertAccessible(page, address);
    }
  }
  assert.deepEqual(page.complaints.filter((each) => !each.includes('404')), []);
  await closePage(page);
});

const validator = new HtmlValidate({ extends: ['html-validate:standard', 'html-validate:a11y'] });

async function assertValid(path) {
  const html = await (await fetch(place.address + path)).text();
  const report = await validator.validateString(html);
  const problems = report.results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line }) => `${path}:${line}: ${ruleId}: ${message}`));
  assert.deepEqual(problems, []);
}

test('every page is valid HTML', async () => {
  for (const path of paths) await assertValid(path);
});

test('a vote appears on the page within two seconds, without a reload and without a flicker', async () => {
  const page = await open('/elections/12');
  await page.evaluate(() => {
    globalThis.marker = true;
    globalThis.seen = [];
    const voted = document.querySelector('[data-key="voted"]');
    new MutationObserver(() => globalThis.seen.push(voted.textContent)).observe(voted, { childList: true, characterData: true, subtree: true });
  });
  await place.vote(elections.open, [1], 1);
  await page.waitForFunction(() => document.querySelector('[data-key="voted"]').textContent === '1,235', undefined, { timeout: 2_500 });
  await place.vote(elections.open, [0, 1], 7);
  await page.waitForFunction(() => document.querySelector('#machines [data-machine="7"] td')?.textContent === '1');
  assert.deepEqual(await page.evaluate(() => [globalThis.marker, globalThis.seen]), [true, ['1,235', '1,236']]);
  await closePage(page);
});

test('an election whose tally may not be seen shows turnout alone, in the page and in every file', async () => {
  for (const path of ['/elections/12', '/elections/12/live.json', '/elections/12/results.csv', '/elections/12/results.json', '/elections/12/results.cdf.json', '/elections/12/results.txt']) {
    const text = await (await fetch(place.address + path)).text();
    assert.doesNotMatch(text, /\b(711|712|318|319|205)\b/, path);
  }
});

test('the metrics of the board say nothing about any election', async () => {
  const text = await (await fetch(`${place.health}/metrics`)).text();
  assert.match(text, /pollbus_dependency_up/);
  assert.doesNotMatch(text, /election=|voting=|\b(711|712|318|319|205)\b/);
});

test('a screen reader hears the number of votes, but not more often than every ten seconds', async () => {
  const page = await openPage(browser);
  await page.clock.install();
  await page.goto(`${place.address}/elections/12`);
  const heard = () => page.textContent('#announcement');
  // The page's clock stands still unless it is moved.
  const pollUntil = async (holds) => {
    for (let i = 0; i < 40; i += 1) {
      const answered = page.waitForResponse(/live\.json/);
      await page.clock.runFor(1_200);
      await answered;
      if (await holds()) return;
    }
    assert.fail(String(holds));
  };
  const voted = () => page.textContent('[data-key="voted"]');
  await place.vote(elections.open, [1], 1);
  await shows('/elections/12', '1,237</span>');
  await pollUntil(async () => (await voted()) === '1,237');
  assert.equal(await heard(), '');
  await page.clock.fastForward(10_000);
  await place.vote(elections.open, [1], 1);
  await shows('/elections/12', '1,238</span>');
  await pollUntil(async () => /1,238/.test(await heard()));
  await closePage(page);
});

test('figures never go back, even if an old answer arrives late', async () => {
  const page = await open('/elections/12');
  const shown = await page.textContent('[data-key="voted"]');
  const old = JSON.stringify({ number: 1, structure: 'x', voted: 1, announce: '', texts: { voted: '1' }, shapes: [], machines: [] });
  const answered = page.waitForResponse(/live\.json/);
  await page.route(/live\.json/, (route) => route.fulfill({ contentType: 'application/json', body: old }));
  await answered;
  await page.waitForResponse(/live\.json/);
  assert.equal(await page.textContent('[data-key="voted"]'), shown);
  await closePage(page);
});

test('the page says when the board does not answer, and goes on by itself', async () => {
  const page = await open('/elections/12');
  await page.route(/live\.json/, (route) => route.abort());
  await page.waitForSelector('#stale:not([hidden])');
  await page.unroute(/live\.json/);
  await page.waitForSelector('#stale', { state: 'hidden', timeout: 20_000 });
  await closePage(page);
});

test('zero votes are no votes yet; then one vote is one vote, live', async () => {
  const page = await open('/elections/13');
  assert.match(await page.textContent('.headline'), /No votes yet/);
  await place.vote(elections.live, [0, 1]);
  await page.waitForFunction(() => /Most votes: .*No/.test(document.querySelector('.headline').textContent));
  assert.equal(await page.textContent('[data-key="choice-1-share"]'), '100.0\u00a0%');
  await closePage(page);
});

test('a tie is called a tie, and the choices stay in the order of the ballot until somebody asks', async () => {
  const page = await open('/elections/14');
  assert.match(await page.textContent('.headline'), /Tie for first place: .*Ada Lovelace.*Alan Turing/);
  assert.equal(await page.textContent('[data-key="choice-0-place"]'), '1 (tie)');
  const names = () => page.$$eval('.results tbody th bdi', (all) => all.map((each) => each.textContent));
  assert.equal((await names())[4], 'Émilie du Châtelet');
  await page.click('text=Sort by votes');
  await page.getByText('Order of the ballot').waitFor();
  assert.equal((await names())[3], 'محمد بن موسى الخوارزمي');
  await closePage(page);
});

test('without JavaScript the page has all figures, languages and files', async () => {
  const page = await open('/elections/14', { javaScriptEnabled: false });
  assert.match(await page.textContent('.results'), /120/);
  await page.click('summary:has-text("Display")');
  await page.selectOption('#display-lang', 'fr');
  await page.click('button:has-text("Apply")');
  await page.waitForURL(/lang=fr/);
  assert.equal(await page.getAttribute('html', 'lang'), 'fr');
  assert.match(await page.textContent('h2 >> nth=0'), /Résultat non officiel/);
  await closePage(page);
});

test('every page can be used with the keyboard alone, and the focus is always visible', async () => {
  const page = await open('/elections/14');
  const names = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab');
    const [name, isVisible] = await page.evaluate(() => {
      const element = document.activeElement;
      return [element.textContent.trim(), getComputedStyle(element).outlineStyle !== 'none'];
    });
    assert.ok(isVisible, `no focus is visible on "${name}"`);
    names.push(name);
  }
  for (const wanted of ['Skip to the content', 'Elections', 'Tracking code', 'Display', 'Sort by votes'])
    assert.ok(names.includes(wanted), `${wanted} cannot be reached: ${names}`);
  await closePage(page);
});

test('a tracking code is found by its first 80 bits, and the answer says nothing about the choice', async () => {
  await place.query(`INSERT INTO receipts (receipt, electionid, content) VALUES (decode('00112233445566778899aabbccddeeff', 'hex'), 14, 'x')`);
  const page = await open('/tracking');
  await page.fill('#code', '008j 4ct4 ank7 f24s');
  await page.keyboard.press('Enter');
  await page.getByText('A vote with this code is recorded in:').waitFor();
  assert.match(await page.textContent('main'), /recorded in:\s*School board/);
  assert.equal(await page.inputValue('#code'), '008J-4CT4-ANK7-F24S');
  await page.fill('#code', '008J-4CT4-ANK7-F24T');
  await page.keyboard.press('Enter');
  await page.getByText('No vote with this code is recorded yet').waitFor();
  await closePage(page);
});

test('a certified rehearsal is marked as a test in its page and in the names of its files', async () => {
  const page = await open('/elections/15');
  assert.match(await page.textContent('main'), /Certified result/);
  assert.match(await page.textContent('.notice'), /TEST This is a rehearsal/);
  const response = await fetch(`${place.address}/elections/15/results.csv`);
  assert.match(response.headers.get('content-disposition'), /"TEST-election-15-results\.csv"/);
  await closePage(page);
});

test('on a phone, also in the largest type, no page scrolls sideways and no text is squeezed', async () => {
  const page = await openPage(browser);
  for (const { width, query } of [{ width: 320, query: 'lang=en' }, { width: 390, query: 'lang=ar&size=l' }, { width: 320, query: 'lang=de&size=xl' }]) {
    await page.setViewportSize({ width, height: 700 });
    for (const path of paths) {
      const address = withQuery(path, query);
      await page.goto(place.address + address);
      await page.evaluate(() => document.querySelectorAll('details').forEach((each) => { each.open = true; }));
      assert.deepEqual(await layoutProblems(page), [], `${address} at ${width}`);
      // Room for some letters in each line.
      const squeezed = await page.$$eval('.results tbody th bdi, .history td:not(:first-child)', (all) => all
        .filter((each) => each.closest('th, td').clientWidth < 5 * parseFloat(getComputedStyle(each).fontSize))
        .map((each) => each.textContent));
      assert.deepEqual(squeezed, [], `${address} at ${width}`);
    }
  }
  await closePage(page);
});

test('the board prints without its controls, dark on white in every theme, with bars that show the votes', async () => {
  const page = await openPage(browser);
  await page.emulateMedia({ media: 'print' });
  for (const theme of ['light', 'dark', 'high-light', 'high-dark']) {
    await page.goto(`${place.address}/elections/14?theme=${theme}`);
    assert.equal(await page.isVisible('header'), false);
    assert.equal(await page.isVisible('.results'), true);
    const [paper, track, fill] = await page.evaluate(() => [
      getComputedStyle(document.body).backgroundColor,
      ...['.bar .track', '.bar .fill'].map((part) => getComputedStyle(document.querySelector(part)).fill),
    ]);
    assert.deepEqual([paper, track, fill], ['rgb(255, 255, 255)', 'rgb(255, 255, 255)', 'rgb(11, 58, 99)'], theme);
    const { contrast, text } = await leastContrast(page);
    assert.ok(contrast >= 10, `${theme}: contrast ${contrast} of "${text}"`);
  }
  await closePage(page);
});

test('an election with the events of another one is listed by its number, with the reason, in the log and as a metric', async () => {
  await place.query(`
    INSERT INTO elections SELECT 16, event, phase, is_live, is_test, opens_utc_ms, closes_utc_ms, 1 FROM elections WHERE electionid = 12;
    INSERT INTO events SELECT 16, sequence, kind, data, signature, hash FROM events WHERE electionid = 12 AND sequence = 1`);
  await shows('/?lang=en', 'Election number 16');
  const page = await openPage(browser);
  for (const path of ['/', '/elections/16']) {
    await page.goto(`${place.address}${path}?lang=ar&size=xl`);
    assert.match(await page.textContent('[role=alert] bdi[lang=en]'), /an event belongs to election 12/);
    assert.deepEqual(await layoutProblems(page), [], path);
    await assertAccessible(page, path);
    await assertValid(path);
  }
  assert.match(await (await fetch(`${place.health}/metrics`)).text(), /^pollbus_unverified_elections 1$/m);
  assert.match(readFileSync(place.board.log, 'utf8'), /error.*the history of an election cannot be verified.*election=16/);
  await closePage(page);
});

// The last test: PostgreSQL does not come back.
test('without PostgreSQL the pages stay and say that they may be out of date, and a board that never read it says so', async () => {
  const page = await open('/elections/12');
  const voted = () => page.textContent('[data-key="voted"]');
  const before = await voted();
  await place.stopPostgres();
  await page.waitForSelector('#stale:not([hidden])');
  assert.equal(await voted(), before);
  assert.equal((await page.reload()).status(), 200);
  assert.equal(await voted(), before);
  const lookUp = '/tracking?code=0000-0000-0000-0000&lang=en';
  await page.goto(place.address + lookUp);
  await page.getByText('The board cannot look up codes at the moment.').waitFor();
  await assertAccessible(page, lookUp);
  await assertValid(lookUp);

  await place.board.stop();
  await place.startBoard(503);
  const answer = await page.goto(`${place.address}/elections/12`);
  assert.equal(answer.status(), 503);
  await page.getByRole('heading', { level: 1, name: 'One moment' }).waitFor();
  await assertAccessible(page, 'One moment');
  assert.deepEqual(await layoutProblems(page), []);
  await assertValid('/elections/12');
  await closePage(page);
});
