// What the browser tests share: Debian's Chromium, the accessibility checker, and measurements of the
// page's layout.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const screen = { width: 1024, height: 768 };

export function openBrowser() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  assert.ok(executablePath, 'Chromium is not installed: apt-get install chromium');
  // As root, Chromium runs only without its sandbox.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

// A page in a profile of its own, as a voter finds it. Collects what the browser complains about.
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: screen, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  return page;
}

// Fails with every violation of the accessibility rules, and where it is.
export async function assertAccessible(page, what) {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async (tags) => {
    const results = await globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] });
    return results.violations.flatMap((violation) =>
      violation.nodes.map((node) => `${violation.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
  }, rules);
  assert.deepEqual(violations, [], what);
}

// Problems of the layout: text that is cut off, elements that stick out of the screen or overlap.
export function layoutProblems(page) {
  return page.evaluate(() => {
    const problems = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) problems.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
    // What is clipped away is for screen readers only.
    const isClipped = (element) => element !== null && (getComputedStyle(element).clipPath !== 'none' || isClipped(element.parentElement));
    const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !isClipped(element);
    const all = [...document.querySelectorAll('body *')].filter(isShown);
    const name = (element) => `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ''} "${element.textContent.trim().slice(0, 30)}"`;
    for (const element of all) {
      const box = element.getBoundingClientRect();
      if (box.width > 0 && (box.left < -1 || box.right > root.clientWidth + 1)) problems.push(`sticks out: ${name(element)}`);
      const cuts = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
      if (cuts && getComputedStyle(element).overflow !== 'visible') problems.push(`is cut off: ${name(element)}`);
    }
    const pressed = all.filter((element) => element.matches('button, .choice, .option, input.field'));
    for (const element of pressed) {
      const box = element.getBoundingClientRect();
      if (box.height < 44 && !element.matches('.bar *')) problems.push(`is too low to touch: ${name(element)} ${box.height}`);
    }
    const inFlow = (element) => element.closest('.actions, dialog') === null && !document.querySelector('dialog[open]');
    const boxes = pressed.filter(inFlow).map((element) => [element, element.getBoundingClientRect()]);
    for (const [i, [one, a]] of boxes.entries()) {
      for (const [other, b] of boxes.slice(i + 1)) {
        const overlap = a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
        if (overlap && !one.contains(other) && !other.contains(one)) problems.push(`${name(one)} overlaps ${name(other)}`);
      }
    }
    return problems;
  });
}

// The least contrast of all texts of the page against what is behind them, and the text that has it.
export function leastContrast(page) {
  return page.evaluate(() => {
    const channel = (value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    };
    const parse = (text) => text.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const background = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = parse(getComputedStyle(at).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255];
    };
    let least = { contrast: 21, text: '' };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const text = walker.currentNode.data.trim();
      if (text === '' || !element.checkVisibility({ visibilityProperty: true }) || element.closest('noscript, .visually-hidden')) continue;
      const [one, other] = [luminance(parse(getComputedStyle(element).color)), luminance(background(element))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < least.contrast) least = { contrast, text };
    }
    return least;
  });
}
