// Every page of the kiosk as the browser shows it: accessible, legible, nothing cut off, in every
// theme, language and size.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HtmlValidate } from 'html-validate';

import { assertAccessible, layoutProblems, leastContrast, openBrowser, openPage, screen } from './browser.mjs';
import { languages, pages, serveFakeMachine, stateWith } from './fake_machine.mjs';

const validator = new HtmlValidate({ extends: ['html-validate:standard', 'html-validate:a11y'] });
const themes = ['light', 'dark', 'high-light', 'high-dark'];
const leastContrasts = { light: 10, dark: 10, 'high-light': 20, 'high-dark': 20 };

let machine;
let browser;
let page;

before(async () => {
  machine = await serveFakeMachine();
  browser = await openBrowser();
  page = await openPage(browser, { bypassCSP: true });
});
after(async () => {
  await browser?.close();
  await machine?.close();
});

async function show(name, display) {
  machine.state = stateWith(...pages[name], display);
  await page.goto(machine.address);
  await page.locator('#heading').waitFor();
  await page.evaluate(() => document.fonts.ready);
}

// The page as the script has made it. The browser writes attributes and empty lines in its own way.
async function htmlProblems(html) {
  const { results } = await validator.validateString(html);
  return results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`));
}

// Small and extra large, in both directions; German has the longest words.
const displaysOf = (i) => [
  { language: ['en', 'es', 'fr'][i % 3], size: 's' }, { language: 'de', size: 'xl' },
  { language: 'ar', size: 's' }, { language: 'ar', size: 'xl' },
].map((display, j) => ({ ...display, theme: themes[(i + j) % themes.length] }));

for (const [i, name] of Object.keys(pages).entries()) {
  test(`the page "${name}" is accessible in every theme, small or large, in either direction, with enough contrast and nothing cut off`, async () => {
    for (const display of displaysOf(i)) {
      const what = JSON.stringify(display);
      await show(name, display);
      await assertAccessible(page, what);
      const least = await leastContrast(page);
      assert.ok(least.contrast >= leastContrasts[display.theme], `${what}: ${least.contrast.toFixed(1)} for "${least.text}"`);
      assert.deepEqual(await layoutProblems(page), [], what);
      assert.deepEqual(await htmlProblems(await page.content()), [], what);
      assert.equal(await page.locator('html').getAttribute('lang'), display.language);
      assert.equal(await page.locator('html').getAttribute('dir'), display.language === 'ar' ? 'rtl' : 'ltr');
    }
    assert.deepEqual(page.complaints, []);
  });
}

test('with text of 200 percent, the page with 40 choices does not scroll sideways', async () => {
  await page.setViewportSize({ width: screen.width / 2, height: screen.height / 2 });
  await show('contest with 40 choices', { size: 'l' });
  assert.deepEqual(await layoutProblems(page), []);
  await page.setViewportSize(screen);
});

test('every choice of 40 can be reached with the arrow keys and stays in sight of the voter', async () => {
  await show('contest with 40 choices', { size: 'xl' });
  await page.locator('#choice-0').focus();
  for (let i = 1; i < 40; i += 1) {
    await page.keyboard.press('ArrowDown');
    const box = await page.locator(`#choice-${i}`).boundingBox();
    const actions = await page.locator('#actions').boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= actions.y + 1, `choice ${i}: ${JSON.stringify(box)}`);
  }
  assert.deepEqual(machine.acts.filter(({ action }) => action !== 'alive'), [], 'arrow keys must not go on to the next step');
});

test('the dialogs of the display and of leaving are accessible and fit on the screen', async () => {
  for (const display of [{ size: 'xl', theme: 'high-dark', language: 'de' }, { size: 's', language: 'ar' }, { size: 'm', theme: 'dark' }]) {
    for (const button of ['#display-button', '#leave-button']) {
      await show('contest', display);
      await page.locator(button).click();
      await page.locator('dialog[open]').waitFor();
      await assertAccessible(page, `${button} ${JSON.stringify(display)}`);
      assert.deepEqual(await layoutProblems(page), [], `${button} ${JSON.stringify(display)}`);
      await page.keyboard.press('Escape');
      await page.locator('dialog').waitFor({ state: 'detached' });
    }
  }
});

test('a name in another language says so, and one in the other direction begins where all names do', async () => {
  await show('contest', {});
  const name = page.locator('.choice bdi[lang=ar]');
  const [direction, left] = await name.evaluate((element) => [getComputedStyle(element).direction, element.getBoundingClientRect().left]);
  assert.equal(direction, 'rtl');
  const other = await page.locator('.choice bdi').first().boundingBox();
  assert.equal(Math.round(left), Math.round(other.x));
});

// Roles and levels of a page as a screen reader gets them, without the texts, and controls without a name.
async function accessibilityTree() {
  const lines = (await page.locator('body').ariaSnapshot()).split('\n').filter((line) => !line.includes('/url:'));
  const unnamed = lines.filter((line) => /^\s*- (button|radio|textbox|heading)(?! ")/.test(line));
  const roles = lines.map((line) => line.match(/^\s*- ([a-z]+)/)?.[1]).filter((role) => role && role !== 'text' && role !== 'paragraph');
  return { roles, unnamed, headings: lines.filter((line) => /heading .*\[level=1\]/.test(line)).length };
}

test('a screen reader gets the same structure in every language, with one main heading and a name for every control', async () => {
  for (const name of ['start', 'code, mistyped', 'contest', 'review', 'mixed']) {
    let first;
    for (const language of languages) {
      await show(name, { language });
      const { roles, unnamed, headings } = await accessibilityTree();
      assert.deepEqual([unnamed, headings], [[], 1], `${name} ${language}`);
      first ??= roles;
      assert.deepEqual(roles, first, `${name} ${language}`);
    }
  }
});

test('a screen reader hears what became of a vote, once', async () => {
  await show('sending', {});
  machine.state = stateWith(...pages.recorded, {});
  const heard = page.locator('#announcer');
  await page.waitForFunction(() => document.querySelector('#announcer').textContent !== '');
  assert.equal(await heard.textContent(), 'Your vote is recorded. Thank you.');
  assert.equal(await heard.getAttribute('role'), 'status');
});

test('the receipt is printed in black on white with title and tracking code, and without buttons or the result', async () => {
  await show('recorded', { theme: 'dark' });
  await page.emulateMedia({ media: 'print' });
  const visible = await page.evaluate(() =>
    [...document.querySelectorAll('.tracking .code, h2, .actions, .bar, .result')].map((each) => [each.className || each.tagName, each.checkVisibility()]));
  const colours = await page.locator('.tracking .code').first().evaluate((code) => [getComputedStyle(code).color, getComputedStyle(document.body).backgroundColor]);
  await page.emulateMedia({ media: 'screen' });
  assert.deepEqual(colours, ['rgb(0, 0, 0)', 'rgb(255, 255, 255)']);
  for (const [what, isVisible] of visible) assert.equal(isVisible, what === 'code' || what === 'H2', what);
});

test('a tracking code that does not fit on the screen is pointed out by the button "More below"', async () => {
  await show('recorded', { size: 'xl', language: 'de' });
  const more = page.locator('#more');
  assert.equal(await more.isVisible(), true);
  while (await more.isVisible()) {
    const from = await more.evaluate((button) => { const { scrollY } = window; button.click(); return scrollY; });
    await page.waitForFunction((y) => window.scrollY > y || document.querySelector('#more').style.visibility === 'hidden', from);
  }
  const code = await page.locator('.tracking .code').last().boundingBox();
  const actions = await page.locator('#actions').boundingBox();
  assert.ok(code.y + code.height <= actions.y, JSON.stringify({ code, actions }));
});

test('with reduced motion nothing moves', async () => {
  await show('sending', {});
  const animation = await page.locator('.sending .symbol').evaluate((element) => getComputedStyle(element).animationName);
  assert.equal(animation, 'none');
});

test('when the machine does not answer, the page says so only after a while and goes on by itself', async () => {
  await show('contest', {});
  const address = new URL(machine.address);
  await page.route('**/state', (route) => route.abort());
  await page.locator('#away').waitFor();
  await page.unroute('**/state');
  await page.locator('#away').waitFor({ state: 'detached' });
  page.complaints.length = 0;
  assert.equal(page.url(), address.href);
});
