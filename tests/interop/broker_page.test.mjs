// The page for developers (pubsub-broker --ui): where it may be served, who may ask for it, and what it
// says. tests/browser/broker_page.test.mjs uses it in a browser.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';

import { Broker, programs } from './broker.mjs';

const project = 'projects/page';
let broker;

before(async () => {
  broker = await new Broker({ flags: ['--ui'] }).start();
});

after(() => broker?.stop());

// fetch() does not let a caller choose Host and Origin.
function send(path, { method = 'GET', headers = {}, body = '' } = {}) {
  const [host, port] = broker.address.split(':');
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, path, method, headers, agent: false }, async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() });
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function call(method, path, body) {
  const answer = await send(`/v1/${path}`, { method, body: body && JSON.stringify(body), headers: body ? { 'content-type': 'application/json' } : {} });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}

async function data(path) {
  const answer = await send(`/ui/data/${path}`);
  assert.equal(answer.status, 200, path);
  return JSON.parse(answer.text);
}

const port = () => broker.address.split(':')[1];

test('the page and its files are not kept by the browser and allow nothing from elsewhere', async () => {
  for (const [path, type] of [['/ui/', 'text/html'], ['/ui/ui.mjs', 'text/javascript'], ['/ui/ui.css', 'text/css'], ['/ui/data/projects', 'application/json']]) {
    const { status, headers } = await send(path);
    assert.equal(status, 200, path);
    assert.ok(headers['content-type'].startsWith(type), path);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const policy = headers['content-security-policy'];
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
  }
  assert.equal((await send('/ui/missing.mjs')).status, 404);
  assert.equal((await send('/ui/../v1/projects')).status, 404);
  const short = await send('/ui');
  assert.deepEqual([short.status, short.headers.location], [303, '/ui/']);
  const head = await send('/ui/', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.equal((await send('/')).text, 'Ok\n', 'the health check stays');
});

test('a name that somebody else has given to this machine is refused, by the page and by REST', async () => {
  for (const host of ['evil.example', `evil.example:${port()}`, '127.0.0.1:1', `127.0.0.1.evil.example:${port()}`]) {
    for (const path of ['/ui/', '/ui/data/projects', `/v1/${project}/topics`]) {
      assert.equal((await send(path, { headers: { host } })).status, 421, `${host} ${path}`);
    }
  }
  for (const host of [`localhost:${port()}`, `127.0.0.1:${port()}`, `[::1]:${port()}`]) {
    assert.equal((await send('/ui/', { headers: { host } })).status, 200, host);
  }
});

test('requests that the pages of other sites make are refused', async () => {
  const topic = `/v1/${project}/topics/crossed`;
  for (const origin of ['https://evil.example', 'null', `http://localhost:${Number(port()) + 1}`]) {
    const headers = { origin, 'content-type': 'text/plain' };
    assert.equal((await send(topic, { method: 'PUT', headers, body: '{}' })).status, 403, origin);
    assert.equal((await send('/ui/data/projects', { headers })).status, 403, origin);
  }
  assert.equal((await send('/ui/data/projects', { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } })).status, 403);
  assert.equal((await send('/ui/', { method: 'POST' })).status, 405);
  assert.equal((await send(topic)).status, 404);
});

test('backlogs and projects are told', async () => {
  await call('PUT', `${project}/topics/tea`, {});
  await call('PUT', `${project}/subscriptions/sub`, { topic: `${project}/topics/tea` });
  await call('PUT', `${project}/subscriptions/sub-2`, { topic: `${project}/topics/tea` });
  await call('PUT', 'projects/page-2/topics/tea', {});
  await call('PUT', 'projects/page-2/subscriptions/sub', { topic: 'projects/page-2/topics/tea' });
  await call('POST', `${project}/topics/tea:publish`, { messages: [{ data: 'YQ==' }, { data: 'Yg==' }] });
  assert.deepEqual((await data('projects')).projects, ['page', 'page-2']);
  const { subscriptions } = await data(`backlogs/${project}`);
  assert.deepEqual(subscriptions.map(({ name, backlog }) => [name, backlog]),
    [[`${project}/subscriptions/sub`, 2], [`${project}/subscriptions/sub-2`, 2]]);
  assert.ok(Math.abs(Date.now() - subscriptions[0].oldestUnackedMs) < 60_000);
  const one = (await data(`backlogs/${project}/subscriptions/sub`)).subscriptions;
  assert.deepEqual(one.map(({ name }) => name), [`${project}/subscriptions/sub`]);
});

test('peeking takes nothing, and shows what is published, also binary and large data', async () => {
  await call('PUT', `${project}/topics/peek`, {});
  const subscription = `${project}/subscriptions/peek`;
  await call('PUT', subscription, { topic: `${project}/topics/peek`, enableMessageOrdering: true });
  const large = Buffer.alloc(1_000_000, 'x');
  const messages = [
    { data: Buffer.from('<b>hello</b>').toString('base64'), attributes: { a: 'ä', b: '2' }, orderingKey: 'k' },
    { data: Buffer.from([0, 255, 254]).toString('base64') },
    { data: large.toString('base64') },
  ];
  for (const message of messages) await call('POST', `${project}/topics/peek:publish`, { messages: [message] });
  const { messages: shown } = await data(`peek/${subscription}`);
  assert.deepEqual(shown.map(({ data: text, dataBytes }) => [text.length, dataBytes]),
    [[16, 12], [4, 3], [Math.ceil(65_536 / 3) * 4, 1_000_000]]);
  assert.deepEqual(shown[0].attributes, { a: 'ä', b: '2' });
  assert.equal(shown[0].orderingKey, 'k');
  assert.ok(shown.every(({ deliveries, isLeased }) => deliveries === 0 && !isLeased));
  const pulled = (await call('POST', `${subscription}:pull`, { maxMessages: 10 })).receivedMessages;
  assert.equal(pulled.length, 3);
  const after = (await data(`peek/${subscription}`)).messages;
  assert.ok(after.every(({ deliveries, isLeased }) => deliveries === 1 && isLeased));
  assert.equal((await send(`/ui/data/peek/${project}/subscriptions/missing`)).status, 404);
});

test('peeking shows the oldest messages, not all', async () => {
  await call('PUT', `${project}/topics/many`, {});
  const subscription = `${project}/subscriptions/many`;
  await call('PUT', subscription, { topic: `${project}/topics/many` });
  const all = Array.from({ length: 200 }, (_, i) => ({ data: Buffer.from(String(i)).toString('base64') }));
  await call('POST', `${project}/topics/many:publish`, { messages: all });
  const { messages } = await data(`peek/${subscription}`);
  assert.deepEqual(messages.map((each) => Buffer.from(each.data, 'base64').toString()), Array.from({ length: 50 }, (_, i) => String(i)));
});

test('the page is off unless it is asked for, and is for this machine only', async () => {
  const plain = await new Broker().start();
  try {
    assert.equal((await fetch(`http://${plain.address}/ui/`)).status, 404);
  } finally {
    await plain.stop();
  }
  for (const flags of [['--listen', '0.0.0.0:0'], ['--listen', '192.0.2.1:0'], ['--tls-cert', 'a', '--tls-key', 'b']]) {
    const { status, stderr } = spawnSync(`${programs}/pubsub-broker`, ['--in-memory', '--ui', ...flags], { encoding: 'utf8', timeout: 20_000 });
    assert.equal(status, 2, stderr);
    assert.match(stderr, /--ui/);
  }
});
