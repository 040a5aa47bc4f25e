// The page for developers of pubsub-broker in a real browser.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HtmlValidate } from 'html-validate';

import { Broker } from '../interop/broker.mjs';
import { assertAccessible, layoutProblems, leastContrast, openBrowser, openPage } from './browser.mjs';

const project = 'projects/shop';
const pictures = process.env.PICTURES;
let broker;
let browser;

before(async () => {
  broker = await new Broker({ flags: ['--ui'] }).start();
  browser = await openBrowser();
  await topic('orders', { messageRetentionDuration: '86400s', labels: { team: 'tea' } });
  await topic('orders-dead');
  await topic('clicks');
  await subscription('orders-email', 'orders', {
    filter: 'attributes.kind = "paid" AND NOT hasPrefix(attributes.country, "x")',
    enableMessageOrdering: true,
    deadLetterPolicy: { deadLetterTopic: `${project}/topics/orders-dead`, maxDeliveryAttempts: 5 },
    retryPolicy: { minimumBackoff: '10s', maximumBackoff: '600s' },
  });
  await subscription('orders-all', 'orders', { enableExactlyOnceDelivery: true });
  await call('POST', 'projects/shop/schemas?schemaId=order', {
    type: 'AVRO', definition: '{"type":"record","name":"Order","fields":[{"name":"id","type":"int"}]}',
  });
});

after(async () => {
  await browser?.close();
  await broker?.stop();
});

async function call(method, path, body) {
  const response = await fetch(`http://${broker.address}/v1/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

const topic = (name, more = {}) => call('PUT', `${project}/topics/${name}`, more);
const subscription = (name, ofTopic, more = {}) =>
  call('PUT', `${project}/subscriptions/${name}`, { topic: `${project}/topics/${ofTopic}`, ...more });
const publish = (name, ...messages) =>
  call('POST', `${project}/topics/${name}:publish`, {
    messages: messages.map(({ data = '', ...more }) => ({ data: Buffer.from(data).toString('base64'), ...more })),
  });
const pull = async (name) =>
  (await call('POST', `${project}/subscriptions/${name}:pull`, { maxMessages: 100, returnImmediately: true })).receivedMessages ?? [];

async function open(path = '', options = {}) {
  const page = await openPage(browser, options);
  await page.goto(`http://${broker.address}/ui/${path && `#/${project}/${path}`}`);
  await page.locator('h1').waitFor();
  return page;
}

async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

// Closes the page at the end of a test, in which the browser must not have logged an error.
async function leave(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

async function outcome(page, text) {
  await page.getByRole('status').filter({ hasText: text }).first().waitFor();
}

test('topics and subscriptions are listed with filter, backlog and delivery', async () => {
  await publish('orders', { data: 'one', attributes: { kind: 'paid' } }, { data: 'two' });
  const page = await open();
  await page.getByRole('link', { name: 'orders', exact: true }).waitFor();
  await page.getByRole('link', { name: 'Subscriptions' }).click();
  const row = page.getByRole('row').filter({ hasText: 'orders-email' });
  await row.waitFor();
  const cells = await row.getByRole('cell').allTextContents();
  assert.deepEqual(cells.slice(0, 4), ['orders-email', 'orders', 'attributes.kind = "paid" AND NOT hasPrefix(attributes.country, "x")', '1']);
  assert.match(cells[4], /^\d+ s$/);
  assert.equal(cells[5], 'pull, ordered, dead letters, retry policy');
  await page.getByLabel('Name or filter contains').fill('orders-a');
  await page.getByText('1 subscription').waitFor();
  await leave(page);
});

test('a message is published with attributes and ordering key, and is looked at without being taken', async () => {
  await topic('letters');
  await subscription('letters', 'letters', { enableMessageOrdering: true });
  const page = await open('topics/letters');
  await page.getByLabel('Data', { exact: true }).fill('{"id": 7, "name": "Zoë"}');
  await page.getByLabel('Ordering key').fill('customer-7');
  await page.getByLabel('Attributes').fill('kind=paid\ncountry=ca=nada');
  await page.getByRole('button', { name: 'Publish' }).click();
  await outcome(page, /Published as message \d+\./);
  await page.getByRole('table').getByRole('link', { name: 'letters' }).click();
  const summary = page.locator('summary').filter({ hasText: 'Zoë' });
  await summary.filter({ hasText: 'never delivered' }).waitFor();
  await summary.press('Enter');
  assert.equal(await page.locator('pre').textContent(), '{"id": 7, "name": "Zoë"}');
  const [message] = await pull('letters');
  assert.equal(message.message.orderingKey, 'customer-7');
  assert.deepEqual(message.message.attributes, { kind: 'paid', country: 'ca=nada' });
  await page.getByRole('button', { name: 'Look again' }).click();
  await page.locator('summary').filter({ hasText: 'delivered 1 × · leased now' }).waitFor();
  await leave(page);
});

test('what cannot be published is said beside the form, also in the words of the broker', async () => {
  await topic('strict', { schemaSettings: { schema: `${project}/schemas/order`, encoding: 'JSON' } });
  const page = await open('topics/strict');
  const button = page.getByRole('button', { name: 'Publish' });
  await page.getByLabel('Attributes').fill('no equals sign');
  await button.click();
  await outcome(page, 'Attributes: line 1 must be key=value.');
  await page.getByLabel('Attributes').fill('');
  await page.getByLabel('Data is written as').selectOption('base64');
  await page.getByLabel('Data', { exact: true }).fill('???');
  await button.click();
  await outcome(page, 'Data: this is not base64.');
  await page.getByLabel('Data', { exact: true }).fill('e30=');
  await button.click();
  await outcome(page, 'Invalid data in message');
  page.complaints = page.complaints.filter((each) => !each.includes('400'));
  await leave(page);
});

test('data is shown as text only, binary data as hex or base64', async () => {
  await topic('hostile');
  await subscription('hostile', 'hostile', { labels: { a: 'b' } });
  const html = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>';
  await publish('hostile', { data: html, attributes: { '<b>key</b>': '<i>value</i>', __proto__: 'x' } }, { data: Buffer.from([0, 1, 2, 255]) });
  const page = await open('subscriptions/hostile');
  await page.locator('summary').nth(1).waitFor();
  for (const summary of await page.locator('summary').all()) await summary.click();
  assert.equal(await page.locator('pre').first().textContent(), html);
  await page.getByText('<i>value</i>').waitFor();
  assert.equal(await page.locator('main img, main script, main b, main i').count(), 0);
  assert.match(await page.locator('pre').nth(1).textContent(), /^00000000 {2}00 01 02 ff /);
  await page.getByLabel('Show data as').selectOption('base64');
  await page.locator('pre').filter({ hasText: 'AAEC/w==' }).waitFor();
  assert.match(await page.title(), /^hostile/);
  await leave(page);
});

test('a message of a megabyte is shown in part, and says so', async () => {
  await topic('large');
  await subscription('large', 'large');
  await publish('large', { data: 'é'.repeat(500_000) });
  const page = await open('subscriptions/large');
  await page.locator('summary').click();
  await page.getByText('The first 65,536 of 1,000,000 bytes are shown.').waitFor();
  assert.equal((await page.locator('pre').textContent()).length, 32_768);
  assert.deepEqual(await layoutProblems(page), []);
  await leave(page);
});

test('a subscription is purged after a confirmation, and seeks to a time and to a snapshot', async () => {
  await topic('seeking', { messageRetentionDuration: '3600s' });
  await subscription('seeking', 'seeking', { retainAckedMessages: true });
  await publish('seeking', { data: 'a' }, { data: 'b' });
  await call('PUT', `${project}/snapshots/before`, { subscription: `${project}/subscriptions/seeking` });
  const page = await open('subscriptions/seeking');
  const backlog = (value) => page.locator('.figures div').filter({ hasText: `Backlog${value}` }).waitFor();
  await backlog(2);
  const purge = page.getByRole('button', { name: 'Purge…' });
  await purge.click();
  await page.getByRole('dialog').getByText('2 messages').waitFor();
  await picture(page, 'purge');
  await assertAccessible(page, 'the question before a purge');
  await page.keyboard.press('Escape');
  await backlog(2);
  await purge.click();
  await page.getByRole('button', { name: 'Purge', exact: true }).click();
  await outcome(page, 'Purged.');
  await backlog(0);
  await page.getByText('The subscription has no unacked messages.').first().waitFor();
  await page.getByLabel('Snapshot').selectOption('before');
  await page.getByRole('button', { name: 'Seek to snapshot' }).click();
  await backlog(2);
  await purge.click();
  await page.getByRole('button', { name: 'Purge', exact: true }).click();
  await backlog(0);
  await page.getByLabel('Time').fill('2020-01-01T00:00:01');
  await page.getByRole('button', { name: 'Seek to time' }).click();
  await backlog(2);
  await leave(page);
});

test('ten thousand topics can be searched', async () => {
  const many = await new Broker({ flags: ['--ui'] }).start();
  try {
    const create = async (from) => {
      for (let i = from; i < 10_000; i += 20) {
        const response = await fetch(`http://${many.address}/v1/projects/big/topics/topic-${i}`, { method: 'PUT', body: '{}' });
        assert.equal(response.status, 200);
        await response.arrayBuffer();
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => create(i)));
    const page = await openPage(browser);
    await page.goto(`http://${many.address}/ui/`);
    await page.getByText('The first 200 of 10,000 are shown.').waitFor();
    await page.getByLabel('Name or filter contains').fill('topic-9876');
    await page.getByText('1 topic').waitFor();
    await page.getByRole('link', { name: 'topic-9876' }).click();
    await page.getByRole('heading', { name: 'topic-9876' }).waitFor();
    await leave(page);
  } finally {
    await many.stop();
  }
});

test('an empty broker says how to begin, and a broker that is gone is noticed', async () => {
  const empty = await new Broker({ flags: ['--ui'] }).start();
  const page = await openPage(browser);
  await page.goto(`http://${empty.address}/ui/`);
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
  await assertAccessible(page, 'an empty broker');
  await leave(page);
  const second = await openPage(browser);
  await second.goto(`http://${empty.address}/ui/`);
  await second.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
  await empty.stop();
  await second.getByRole('button', { name: 'Refresh' }).click();
  await second.getByRole('alert').waitFor();
  await second.context().close();
});

const places = {
  topics: 'topics',
  topic: 'topics/orders',
  subscriptions: 'subscriptions',
  subscription: 'subscriptions/orders-email',
  schemas: 'schemas',
  schema: 'schemas/order',
};

for (const [name, path] of Object.entries(places)) {
  test(`${name}: accessible and well laid out on small and large screens, light and dark`, async () => {
    await publish('orders', { data: '{"id":1}', attributes: { kind: 'paid' }, orderingKey: 'k' });
    for (const [width, height] of [[1024, 768], [1920, 1080]]) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await open(path, { viewport: { width, height }, colorScheme });
        if (name === 'subscription') await page.locator('summary').first().click();
        await picture(page, `${name}-${width}-${colorScheme}`);
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
        await assertAccessible(page, `${name} ${width} ${colorScheme}`);
        assert.deepEqual(await layoutProblems(page), [], `${name} ${width} ${colorScheme}`);
        const { contrast, text } = await leastContrast(page);
        assert.ok(contrast >= 7, `${text}: ${contrast}`);
        await leave(page);
      }
    }
  });
}

test('the page is valid HTML, and a person can choose its colours', async () => {
  const html = await (await fetch(`http://${broker.address}/ui/`)).text();
  const report = await new HtmlValidate({ extends: ['html-validate:standard', 'html-validate:a11y'] }).validateString(html);
  assert.deepEqual(report.results.flatMap((result) => result.messages.map((each) => `${each.ruleId} ${each.message}`)), []);
  const page = await open('', { colorScheme: 'light' });
  await page.getByRole('button', { name: 'Dark colours' }).click();
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await leave(page);
});
