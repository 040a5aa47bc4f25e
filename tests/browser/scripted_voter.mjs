// A person who votes at the kiosk whatever happens to it: looks at the page, does the next thing, and
// believes what the page says.

import assert from 'node:assert/strict';

import { catalogue } from './fake_machine.mjs';

const texts = catalogue('en');
const lookAgainMs = 100;
const patienceMs = 120_000;

export class ScriptedVoter {
  // `choices` maps the title of each contest to the name of the choice.
  constructor(page, address, choices) {
    Object.assign(this, { page, address, choices });
  }

  // Returns what the page says of each vote, by title: { state, tracking }.
  async vote(code) {
    if (!this.page.url().startsWith(this.address)) await this.page.goto(this.address);
    const deadline = Date.now() + patienceMs;
    for (;;) {
      assert.ok(Date.now() < deadline, `the voter gives up at: ${await this.page.textContent('body')}`);
      // A step that fails is one that the page did not offer any more: look again.
      const shown = await this.step(code).catch(() => undefined);
      if (shown) {
        // The answer would leave by itself, too.
        await this.press(texts['kiosk.done']).catch(() => {});
        return shown;
      }
      await new Promise((resolve) => { setTimeout(resolve, lookAgainMs); });
    }
  }

  press(name) {
    return this.page.getByRole('button', { name, exact: true }).click({ timeout: 1_000 });
  }

  // Does what the page that is shown asks for. Returns the answers, once they are there.
  async step(code) {
    const { page } = this;
    const heading = (await page.locator('#heading').textContent({ timeout: 1_000 })).trim();
    if (heading === texts['kiosk.welcome']) {
      await this.press(`${texts['language.name']} ${texts['kiosk.start']}`);
      this.hasBegun = true;
      return undefined;
    }
    // Until then, it is the answer of the voter before.
    if (!this.hasBegun) return this.press(texts['kiosk.done']);
    if (heading === texts['kiosk.code.title']) {
      await page.locator('#field').fill(code, { timeout: 1_000 });
      return this.press(texts['kiosk.next']);
    }
    if (heading in this.choices) {
      await page.getByRole('radio', { name: this.choices[heading], exact: true }).check({ timeout: 1_000 });
      return this.press(texts['kiosk.next']);
    }
    if (heading === texts['kiosk.review.title']) return this.press(texts['kiosk.cast']);
    if (heading === texts['kiosk.answer.title.sending']) return undefined;
    return this.answers();
  }

  async answers() {
    const cards = await this.page.locator('.lines .card').evaluateAll((all) => all.map((card) => ({
      title: card.querySelector('h2')?.textContent,
      state: card.className.replace('card ', '').replace('-', ' '),
      tracking: card.querySelector('.tracking .code')?.textContent,
    })));
    return cards.length > 0 ? Object.fromEntries(cards.map(({ title, ...answer }) => [title, answer])) : undefined;
  }
}
