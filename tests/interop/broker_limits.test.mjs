// The tables "What it serves" and "Limits" in docs/broker.md: each row that one client can ask in a
// moment is asked of the broker, with the numbers that the row has. The other rows name their test.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';

import { Broker } from './broker.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${root}/docs/broker.md`, 'utf8');

// The rows of the table of a chapter: what the first cell says, and the rest.
function table(chapter) {
  return new Map(page
    .split(`\n## ${chapter}\n`)[1]
    .split('\n## ')[0]
    .split('\n')
    .filter((line) => /^\| [^|]/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, name, ...rest]) => [name, rest.join('|')]));
}

// All numbers of a row, in order: "64 KiB, or 1,000" has 65536 and 1000.
function numbers(text) {
  return [...text.matchAll(/(\d[\d,]*)( KiB| MiB)?/g)]
    .map(([, digits, unit]) => Number(digits.replaceAll(',', '')) * ({ ' KiB': 2 ** 10, ' MiB': 2 ** 20 }[unit] ?? 1));
}

let broker;
let count = 0;
const name = (kind) => `projects/limits/${kind}/n${++count}-limits`;
const topic = name('topics');
const subscription = name('subscriptions');

before(async () => {
  broker = await new Broker({ flags: ['--in-memory', '--enable-push'] }).start();
  await created(topic);
  await created(subscription, { topic });
});

after(() => broker?.stop());

async function call(method, path, body) {
  const response = await fetch(`http://${broker.address}/v1/${path}`, {
    method,
    body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
  });
  return { status: response.status, ...(await response.json()) };
}

async function created(path, body) {
  const answer = await call('PUT', path, body);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  return answer;
}

async function refused(answer, status = 'INVALID_ARGUMENT') {
  const { error } = await answer;
  assert.equal(error?.status, status, JSON.stringify(error));
}

async function atMost(most, request) {
  const answer = await request(most);
  assert.equal(answer.status, 200, `${most}: ${JSON.stringify(answer)}`);
  await refused(request(most + 1));
}

async function between(least, most, request) {
  const answer = await request(least);
  assert.equal(answer.status, 200, `${least}: ${JSON.stringify(answer)}`);
  await refused(request(least - 1));
  await atMost(most, request);
}

const publish = (...messages) => call('POST', `${topic}:publish`, { messages });
const subscribe = (fields) => call('PUT', name('subscriptions'), { topic, ...fields });
const minute = 60;
const day = 86_400;

const limits = {
  async publish([messages, bytes]) {
    const one = { data: 'aGk=' };
    await between(1, messages, (n) => publish(...Array.from({ length: n }, () => one)));
    const data = (size) => Buffer.alloc(size).toString('base64');
    assert.equal((await publish({ data: data(bytes - 100) })).status, 200);
    await refused(publish({ data: data(bytes + 1) }));
    await refused(publish({}));
    await refused(publish({ ...one, orderingKey: 'a' }, { ...one, orderingKey: 'b' }), 'FAILED_PRECONDITION');
  },
  async attributes([most, least, key, value]) {
    const text = (length) => 'a'.repeat(length);
    const many = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, '']));
    await atMost(most, (n) => publish({ attributes: many(n) }));
    await between(least, key, (n) => publish({ attributes: { [text(n)]: '' } }));
    await atMost(value, (n) => publish({ attributes: { k: text(n) } }));
    await refused(publish({ attributes: { GoogX: '' } }));
    assert.equal((await publish({ attributes: { googclient_traceparent: '', googclient_tracestate: '' } })).status, 200);
  },
  'ordering key': ([most]) => atMost(most, (n) => publish({ data: 'aGk=', orderingKey: 'k'.repeat(n) })),
  filter: ([most]) => atMost(most, (n) => subscribe({ filter: `attributes.k = "${'v'.repeat(n - 'attributes.k = ""'.length)}"` })),
  async 'ack deadline'([least, most, usual, nack, mostModified]) {
    await between(least, most, (ackDeadlineSeconds) => subscribe({ ackDeadlineSeconds }));
    assert.equal((await subscribe()).ackDeadlineSeconds, usual);
    await between(nack, mostModified, (ackDeadlineSeconds) =>
      call('POST', `${subscription}:modifyAckDeadline`, { ackIds: ['x'], ackDeadlineSeconds }));
  },
  async retention([leastMinutes, mostDays, usualDays]) {
    await between(leastMinutes * minute, mostDays * day, (s) => subscribe({ messageRetentionDuration: `${s}s` }));
    await between(leastMinutes * minute, mostDays * day, (s) => call('PUT', name('topics'), { messageRetentionDuration: `${s}s` }));
    assert.equal((await subscribe()).messageRetentionDuration, `${usualDays * day}s`);
  },
  async expiration([leastDays, mostDays, usualDays]) {
    await between(leastDays * day, mostDays * day, (s) => subscribe({ expirationPolicy: { ttl: `${s}s` }, messageRetentionDuration: '600s' }));
    assert.equal((await subscribe({ expirationPolicy: {} })).expirationPolicy.ttl, undefined);
    assert.equal((await subscribe()).expirationPolicy.ttl, `${usualDays * day}s`);
  },
  async 'retry policy'([least, most, usualLeast, usualMost]) {
    await between(least, most, (s) => subscribe({ retryPolicy: { minimumBackoff: `${s}s`, maximumBackoff: '600s' } }));
    await between(least, most, (s) => subscribe({ retryPolicy: { minimumBackoff: '0s', maximumBackoff: `${s}s` } }));
    assert.deepEqual((await subscribe({ retryPolicy: {} })).retryPolicy, { minimumBackoff: `${usualLeast}s`, maximumBackoff: `${usualMost}s` });
  },
  async 'dead letters'([least, most, usual]) {
    await between(least, most, (maxDeliveryAttempts) => subscribe({ deadLetterPolicy: { deadLetterTopic: topic, maxDeliveryAttempts } }));
    assert.equal((await subscribe({ deadLetterPolicy: { deadLetterTopic: topic } })).deadLetterPolicy.maxDeliveryAttempts, usual);
    await refused(subscribe({ deadLetterPolicy: { deadLetterTopic: name('topics') } }), 'NOT_FOUND');
  },
  async labels([most, length]) {
    const many = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, '']));
    await atMost(most, (n) => subscribe({ labels: many(n) }));
    await atMost(length, (n) => subscribe({ labels: { ['k'.repeat(n)]: '' } }));
    await atMost(length, (n) => subscribe({ labels: { k: 'v'.repeat(n) } }));
    await refused(subscribe({ labels: { Upper: '' } }));
  },
  async schema([bytes, revisions]) {
    const record = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] });
    const schema = (length) => ({ type: 'AVRO', definition: record.padEnd(length) });
    const path = 'projects/limits/schemas';
    await atMost(bytes, (n) => call('POST', `${path}?schemaId=length${n}`, schema(n)));
    await call('POST', `${path}?schemaId=revised`, schema(0));
    const commit = (n) => call('POST', `${path}/revised:commit`, { schema: { name: `${path}/revised`, ...schema(record.length + n) } });
    for (let i = 1; i < revisions; ++i) assert.equal((await commit(i)).status, 200);
    await refused(commit(revisions), 'FAILED_PRECONDITION');
  },
  async snapshot([days]) {
    const { expireTime } = await created(name('snapshots'), { subscription });
    const left = Date.parse(expireTime) - Date.now();
    assert.ok(left > (days - 1) * day * 1_000 && left <= days * day * 1_000, expireTime);
  },
  async 'push endpoint'([most, host]) {
    const push = (pushEndpoint) => subscribe({ pushConfig: { pushEndpoint } });
    await atMost(most, (n) => push('http://example.com/'.padEnd(n, 'x')));
    await atMost(host, (n) => push(`http://${'x.'.repeat(n).slice(0, n - 1)}x`));
  },
  async 'IAM policy'([most]) {
    const set = (length) => call('POST', `${topic}:setIamPolicy`, { policy: { bindings: [{ role: 'r'.repeat(length) }] } });
    assert.equal((await set(most - 100)).status, 200);
    await refused(set(most));
  },
  async 'one response'([messages, bytes]) {
    const own = name('subscriptions');
    await created(own, { topic });
    const pull = () => call('POST', `${own}:pull`, { maxMessages: 100_000 });
    for (let i = 0; i < 2; ++i) await publish(...Array.from({ length: messages }, () => ({ data: 'aGk=' })));
    assert.equal((await pull()).receivedMessages.length, messages);
    await call('POST', `${own}:seek`, { time: new Date(Date.now() + minute * 1_000).toISOString() });
    const data = Buffer.alloc(bytes / 4).toString('base64');
    for (let i = 0; i < 2; ++i) await publish({ data }, { data }, { data });
    assert.equal((await pull()).receivedMessages.length, 3);
  },
  async 'a pull without messages'() {
    const own = name('subscriptions');
    await created(own, { topic });
    let isAnswered = false;
    const waiting = call('POST', `${own}:pull`, { maxMessages: 1 }).then(() => { isAnswered = true; });
    assert.equal((await call('POST', `${own}:pull`, { maxMessages: 1, returnImmediately: true })).status, 200);
    assert.equal(isAnswered, false);
    await publish({ data: 'aGk=' });
    await waiting;
  },
  async 'one page of a list'([most]) {
    const project = 'projects/many-topics';
    for (let i = 0; i <= most; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => call('PUT', `${project}/topics/topic${i + n}`)));
    }
    const { topics, nextPageToken } = await call('GET', `${project}/topics?pageSize=100000`);
    assert.equal(topics.length, most);
    assert.ok(nextPageToken);
  },
  async REST([headers, body]) {
    const status = (text) => new Promise((resolve, reject) => {
      const [host, port] = broker.address.split(':');
      const socket = connect(port, host).setEncoding('latin1').on('error', reject);
      socket.once('data', (answer) => {
        resolve(Number(answer.slice(9, 12)));
        socket.destroy();
      });
      socket.write(text);
    });
    const start = 'GET / HTTP/1.1\r\nHost: x\r\n';
    assert.equal(await status(`${start}X: ${'x'.repeat(headers - 100)}\r\n\r\n`), 200);
    assert.equal(await status(`${start}X: ${'x'.repeat(headers)}\r\n\r\n`), 431);
    assert.equal(await status(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body + 1}\r\n\r\n`), 413);
  },
};

// Rows that take many connections, much memory or many resources.
const elsewhere = {
  'whole broker': 'src/broker/core/core_limits_test.cc',
  'one request': 'src/broker/service/limits_test.cc',
  'one connection': 'tests/interop/broker_hostile.test.mjs',
  'all connections': 'tests/interop/broker_hostile.test.mjs',
};

test('each row of "Limits" is asked, or names the test that does', () => {
  assert.deepEqual([...table('Limits').keys()].sort(), [...Object.keys(limits), ...Object.keys(elsewhere)].sort());
  for (const file of Object.values(elsewhere)) assert.ok(existsSync(`${root}/${file}`), file);
});

for (const [row, ask] of Object.entries(limits)) {
  test(`a limit is as the table says: ${row}`, () => ask(numbers(table('Limits').get(row))));
}

// What the page says of each service and of the features of a subscription.
const served = table('What it serves');

const nested = JSON.parse(readFileSync(`${root}/node_modules/@google-cloud/pubsub/build/protos/protos.json`, 'utf8'))
  .nested.google.nested.pubsub.nested.v1.nested;

// The code of gRPC with which the broker answers an empty request, 0 if it succeeds.
function codeOf(method) {
  const stub = new grpc.Client(broker.address, grpc.credentials.createInsecure());
  const same = (bytes) => bytes;
  return new Promise((resolve) => {
    stub.makeUnaryRequest(method, same, same, Buffer.alloc(0), (error) => {
      stub.close();
      resolve(error?.code ?? 0);
    });
  });
}

for (const service of ['Publisher', 'Subscriber', 'SchemaService']) {
  test(`every method is served: ${service}`, async () => {
    assert.ok(served.has(`\`${service}\``));
    for (const method of Object.keys(nested[service].methods)) {
      assert.notEqual(await codeOf(`/google.pubsub.v1.${service}/${method}`), grpc.status.UNIMPLEMENTED, method);
    }
    assert.equal(await codeOf(`/google.pubsub.v1.${service}/Invented`), grpc.status.UNIMPLEMENTED);
  });
}

test('every method is served: google.iam.v1.IAMPolicy', async () => {
  assert.ok(served.has('`google.iam.v1.IAMPolicy`'));
  for (const method of ['SetIamPolicy', 'GetIamPolicy', 'TestIamPermissions']) {
    assert.notEqual(await codeOf(`/google.iam.v1.IAMPolicy/${method}`), grpc.status.UNIMPLEMENTED, method);
  }
});

const features = {
  filter: { filter: 'attributes:a' },
  'ack deadline': { ackDeadlineSeconds: 77 },
  ordering: { enableMessageOrdering: true },
  'exactly-once delivery': { enableExactlyOnceDelivery: true },
  'retry policy': { retryPolicy: { minimumBackoff: '1s', maximumBackoff: '2s' } },
  'dead-letter policy': { deadLetterPolicy: { deadLetterTopic: topic, maxDeliveryAttempts: 7 } },
  'retention with or without acked messages': { retainAckedMessages: true, messageRetentionDuration: '700s' },
  expiration: { expirationPolicy: { ttl: '90000s' } },
  labels: { labels: { a: 'b' } },
};

test('a subscription has each feature of the table', async () => {
  assert.deepEqual(served.get('features of a subscription').split('|')[0].split(', '), Object.keys(features));
  for (const fields of Object.values(features)) {
    const answer = await subscribe({ messageRetentionDuration: '600s', ...fields });
    for (const [field, value] of Object.entries(fields)) assert.deepEqual(answer[field], value);
  }
});

test('what the table calls unimplemented is refused', async () => {
  const row = 'BigQuery, Cloud Storage and Bigtable subscriptions, message transforms, ingestion';
  assert.match(served.get(row), /^`UNIMPLEMENTED`/);
  const messageTransforms = [{ javascriptUdf: { functionName: 'f', code: 'function f(m, c) { return m; }' } }];
  for (const fields of [
    { bigqueryConfig: { table: 'p.d.t' } },
    { cloudStorageConfig: { bucket: 'bucket' } },
    { bigtableConfig: { table: 'projects/p/instances/i/tables/t' } },
    { messageTransforms },
  ]) {
    await refused(subscribe(fields), 'UNIMPLEMENTED');
  }
  const ingestionDataSourceSettings = { cloudStorage: { bucket: 'bucket', textFormat: {} } };
  for (const fields of [{ messageTransforms }, { ingestionDataSourceSettings }]) {
    await refused(call('PUT', name('topics'), fields), 'UNIMPLEMENTED');
  }
});
