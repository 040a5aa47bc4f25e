// A person at the kiosk, for browser tests.

import assert from 'node:assert/strict';

import { catalogue } from './fake_machine.mjs';

export class VoterAtKiosk {
  constructor(page, language = 'en') {
    Object.assign(this, { page, texts: catalogue(language), language });
  }

  text(key, values = {}) {
    return Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), this.texts[key]);
  }

  button(key) {
    return this.page.getByRole('button', { name: this.text(key), exact: true });
  }

  press(key) {
    return this.button(key).click();
  }

  heading(key) {
    return this.page.getByRole('heading', { level: 1, name: this.text(key), exact: true }).waitFor();
  }

  async start(place) {
    if (place) await this.page.goto(place.address);
    await this.page.getByRole('button', { name: this.texts['language.name'] }).click();
  }

  async identify(text, kind = 'voter') {
    await this.heading(`kiosk.${kind}.title`);
    await this.page.locator('#field').fill(text);
    await this.press('kiosk.next');
  }

  async choose(title, name) {
    await this.page.getByRole('heading', { level: 1, name: title }).waitFor();
    if (name) await this.page.getByRole('radio', { name, exact: true }).check();
    await this.press('kiosk.next');
  }

  // From the welcome to the review; `choices` are pairs of title and name.
  async toReview(place, voter, choices, kind = 'voter') {
    await this.start(place);
    await this.identify(voter, kind);
    for (const [title, name] of choices) await this.choose(title, name);
    await this.heading('kiosk.review.title');
  }

  trackingCodes() {
    return this.page.locator('.tracking .code').allTextContents();
  }

  // What is on the page after the session, and whatever the browser has kept.
  async traces() {
    return this.page.evaluate(async () => {
      const caches = 'caches' in globalThis ? await globalThis.caches.keys() : [];
      const databases = await globalThis.indexedDB.databases();
      return JSON.stringify({
        html: document.documentElement.outerHTML,
        values: [...document.querySelectorAll('input')].map((input) => input.value),
        url: location.href,
        cookies: document.cookie,
        local: { ...localStorage },
        session: { ...sessionStorage },
        caches,
        databases,
        state: history.state,
        name: window.name,
      });
    });
  }
}

// The focus is visible: an outline around what has it.
export async function assertFocusIsVisible(page, what) {
  const outline = await page.evaluate(() => {
    const focused = document.activeElement;
    const shown = focused.closest('.choice, .option') ?? focused;
    const style = getComputedStyle(shown);
    return { element: focused.tagName, style: style.outlineStyle, width: parseFloat(style.outlineWidth) };
  });
  assert.ok(outline.element !== 'BODY' && outline.style !== 'none' && outline.width >= 2, `${what}: ${JSON.stringify(outline)}`);
}
