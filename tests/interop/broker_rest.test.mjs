// REST with JSON on the API's port of pubsub-broker: each method by fetch, and what one side does is
// seen by the official client on the other.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { v1 } from '@google-cloud/pubsub';
import { GoogleAuth, PassThroughClient } from 'google-auth-library';

import { Broker, receive } from './broker.mjs';
import { makeCertificates } from './certificates.mjs';

const project = 'projects/rest';
let broker;
let client;

before(async () => {
  broker = await new Broker().start();
  client = broker.client('rest');
});

after(() => broker?.stop());

// Sends a request and returns its answer, which must have this HTTP status.
async function call(method, path, body, { status = 200 } = {}) {
  const response = await fetch(`http://${broker.address}/v1/${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json();
  assert.equal(response.status, status, `${method} ${path}: ${JSON.stringify(answer)}`);
  assert.match(response.headers.get('content-type'), /^application\/json/);
  return answer;
}

const pull = (subscription, more = {}) =>
  call('POST', `${project}/subscriptions/${subscription}:pull`, { maxMessages: 10, ...more });
const publish = (topic, ...messages) => call('POST', `${project}/topics/${topic}:publish`, { messages });
const base64 = (text) => Buffer.from(text).toString('base64');
const names = (resources) => resources.map((resource) => resource.name);

test('a health check is answered as by the emulator', async () => {
  const response = await fetch(`http://${broker.address}/`);
  assert.equal(response.status, 200);
  assert.equal((await response.text()).trim(), 'Ok');
});

test('topics: each method by REST, seen by the official client', async () => {
  const name = `${project}/topics/tea`;
  assert.deepEqual(await call('PUT', name, { labels: { a: 'b' } }), {
    name,
    labels: { a: 'b' },
    state: 'ACTIVE',
  });
  assert.deepEqual((await client.topic('tea').getMetadata())[0].labels, { a: 'b' });
  const changed = await call('PATCH', name, { topic: { labels: { c: 'd' } }, updateMask: 'labels' });
  assert.deepEqual(changed.labels, { c: 'd' });
  assert.deepEqual((await client.topic('tea').getMetadata())[0].labels, { c: 'd' });
  await client.createTopic('tea-2');
  const first = await call('GET', `${project}/topics?pageSize=1`);
  assert.deepEqual(names(first.topics), [name]);
  const rest = await call('GET', `${project}/topics?pageToken=${encodeURIComponent(first.nextPageToken)}`);
  assert.deepEqual(names(rest.topics), [`${project}/topics/tea-2`]);
  await client.topic('tea').createSubscription('tea-sub');
  assert.deepEqual(await call('GET', `${name}/subscriptions`), {
    subscriptions: [`${project}/subscriptions/tea-sub`],
  });
  await client.subscription('tea-sub').createSnapshot('tea-snap');
  assert.deepEqual(await call('GET', `${name}/snapshots`), { snapshots: [`${project}/snapshots/tea-snap`] });
  await call('POST', `${project}/subscriptions/tea-sub:detach`, {});
  assert.deepEqual(await client.subscription('tea-sub').detached(), [true]);
  assert.deepEqual(await call('DELETE', name), {});
  assert.deepEqual(await client.topic('tea').exists(), [false]);
  assert.equal((await call('GET', name, undefined, { status: 404 })).error.status, 'NOT_FOUND');
});

test('subscriptions: each method by REST, seen by the official client', async () => {
  await client.createTopic('cups');
  const name = `${project}/subscriptions/cups-sub`;
  const created = await call('PUT', name, {
    topic: `${project}/topics/cups`,
    filter: 'attributes:kind',
    ackDeadlineSeconds: 30,
    messageRetentionDuration: '3600s',
    expirationPolicy: {},
    enableMessageOrdering: true,
  });
  assert.equal(created.messageRetentionDuration, '3600s');
  assert.deepEqual(created.expirationPolicy, {});
  const [shown] = await client.subscription('cups-sub').getMetadata();
  assert.equal(shown.filter, 'attributes:kind');
  assert.equal(shown.enableMessageOrdering, true);
  await call('PATCH', name, {
    subscription: { retryPolicy: { minimumBackoff: '1.5s' } },
    updateMask: 'retryPolicy',
  });
  assert.equal((await call('GET', name)).retryPolicy.minimumBackoff, '1.500s');
  assert.ok(names((await call('GET', `${project}/subscriptions`)).subscriptions).includes(name));
  const refused = await call('POST', `${name}:modifyPushConfig`, { pushConfig: { pushEndpoint: 'http://x/' } }, { status: 400 });
  assert.equal(refused.error.status, 'FAILED_PRECONDITION');
  assert.deepEqual(await call('POST', `${name}:modifyPushConfig`, { pushConfig: {} }), {});
  await call('DELETE', name);
  assert.deepEqual(await client.subscription('cups-sub').exists(), [false]);
});

test('messages go from REST to the official client and back', async () => {
  const [topic] = await client.createTopic('both');
  await topic.createSubscription('both-sub');
  const { messageIds } = await publish(
    'both',
    { data: base64('from REST'), attributes: { kind: 'a' } },
    { data: base64('twice') },
  );
  assert.equal(messageIds.length, 2);
  assert.deepEqual((await receive(client.subscription('both-sub'), 2)).sort(), ['from REST', 'twice']);
  const id = await topic.publishMessage({ data: Buffer.from([255, 0]), attributes: { kind: 'b' } });
  const { receivedMessages } = await pull('both-sub');
  assert.equal(receivedMessages.length, 1);
  const [{ ackId, message }] = receivedMessages;
  assert.deepEqual({ ...message, publishTime: '' }, {
    data: '/wA=',
    attributes: { kind: 'b' },
    messageId: id,
    publishTime: '',
  });
  assert.ok(Math.abs(Date.parse(message.publishTime) - Date.now()) < 60_000);
  const subscription = `${project}/subscriptions/both-sub`;
  await call('POST', `${subscription}:modifyAckDeadline`, { ackIds: [ackId], ackDeadlineSeconds: 0 });
  const again = (await pull('both-sub')).receivedMessages;
  assert.equal(again[0].message.messageId, id);
  assert.deepEqual(await call('POST', `${subscription}:acknowledge`, { ackIds: [again[0].ackId] }), {});
  assert.deepEqual(await pull('both-sub', { returnImmediately: true }), {});
});

test('snapshots and seek by REST', async () => {
  const [topic] = await client.createTopic('past');
  const [subscription] = await topic.createSubscription('past-sub');
  const name = `${project}/snapshots/past-snap`;
  const snapshot = await call('PUT', name, { subscription: `${project}/subscriptions/past-sub` });
  assert.equal(snapshot.topic, `${project}/topics/past`);
  await publish('past', { data: base64('again') });
  assert.deepEqual(await receive(subscription, 1), ['again']);
  await call('PATCH', name, { snapshot: { labels: { a: 'b' } }, updateMask: 'labels' });
  assert.deepEqual((await call('GET', name)).labels, { a: 'b' });
  assert.ok(names((await call('GET', `${project}/snapshots`)).snapshots).includes(name));
  assert.deepEqual(await call('POST', `${project}/subscriptions/past-sub:seek`, { snapshot: name }), {});
  assert.equal((await pull('past-sub')).receivedMessages[0].message.data, base64('again'));
  await call('POST', `${project}/subscriptions/past-sub:seek`, { time: new Date().toISOString() });
  await call('DELETE', name);
  await call('GET', name, undefined, { status: 404 });
});

test('policies by REST, with the paths of the service', async () => {
  await client.createTopic('secret');
  const policy = { bindings: [{ role: 'roles/pubsub.viewer', members: ['user:a@example.com'] }] };
  const stored = await call('POST', `${project}/topics/secret:setIamPolicy`, { policy });
  assert.deepEqual(stored.bindings, policy.bindings);
  assert.deepEqual(await call('GET', `${project}/topics/secret:getIamPolicy`), stored);
  assert.deepEqual((await client.topic('secret').iam.getPolicy())[0].bindings[0].members, ['user:a@example.com']);
  const permissions = ['pubsub.topics.publish'];
  assert.deepEqual(await call('POST', `${project}/topics/secret:testIamPermissions`, { permissions }), { permissions });
});

test('errors have the form of the service', async () => {
  assert.deepEqual(await call('POST', `${project}/topics/none:publish`, { messages: [{ data: 'aGk=' }] }, { status: 404 }), {
    error: { code: 404, message: 'Resource not found (resource=none).', status: 'NOT_FOUND' },
  });
  await client.createTopic('there');
  assert.equal((await call('PUT', `${project}/topics/there`, {}, { status: 409 })).error.status, 'ALREADY_EXISTS');
  const wrong = await call('PUT', `${project}/topics/there`, { colour: 'red' }, { status: 400 });
  assert.equal(wrong.error.status, 'INVALID_ARGUMENT');
  assert.match(wrong.error.message, /colour/);
  await call('POST', `${project}/subscriptions/s:streamingPull`, {}, { status: 404 });
  const transforms = { messageTransforms: [{ javascriptUdf: { functionName: 'f', code: 'function f(m) { return m; }' } }] };
  const refused = await call('PUT', `${project}/topics/transformed`, transforms, { status: 501 });
  assert.match(refused.error.message, /message_transforms/);
  await client.topic('there').createSubscription('once', { enableExactlyOnceDelivery: true });
  const late = await call('POST', `${project}/subscriptions/once:acknowledge`, { ackIds: ['x'] }, { status: 400 });
  assert.equal(late.error.details[0].reason, 'EXACTLY_ONCE_ACKID_FAILURE');
});

test('a pull waits for a message, and one whose client has gone takes none', async () => {
  const [topic] = await client.createTopic('slow');
  await topic.createSubscription('slow-sub');
  const url = `http://${broker.address}/v1/${project}/subscriptions/slow-sub:pull`;
  const leaving = new AbortController();
  const gone = fetch(url, { method: 'POST', body: '{"maxMessages":1}', signal: leaving.signal });
  const waiting = pull('slow-sub');
  await new Promise((resolve) => setImmediate(resolve));
  leaving.abort();
  await assert.rejects(gone, { name: 'AbortError' });
  await publish('slow', { data: base64('one') });
  assert.equal((await waiting).receivedMessages[0].message.data, base64('one'));
});

test('the official client in its REST mode does a round trip', async () => {
  const [apiEndpoint, port] = broker.address.split(':');
  const auth = new GoogleAuth({ authClient: new PassThroughClient(), projectId: 'rest' });
  const options = { fallback: true, protocol: 'http', apiEndpoint, port: Number(port), auth };
  const publisher = new v1.PublisherClient(options);
  const subscriber = new v1.SubscriberClient(options);
  const [topic, subscription] = [`${project}/topics/mode`, `${project}/subscriptions/mode`];
  await publisher.createTopic({ name: topic });
  const retention = { seconds: 3_600 };
  await subscriber.createSubscription({ name: subscription, topic, messageRetentionDuration: retention });
  const [{ messageIds }] = await publisher.publish({ topic, messages: [{ data: Buffer.from('hi'), attributes: { a: 'b' } }] });
  const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 5 });
  assert.equal(receivedMessages[0].message.messageId, messageIds[0]);
  assert.equal(receivedMessages[0].message.data.toString(), 'hi');
  await subscriber.acknowledge({ subscription, ackIds: [receivedMessages[0].ackId] });
  const mask = { paths: ['ack_deadline_seconds'] };
  const [changed] = await subscriber.updateSubscription({ subscription: { name: subscription, ackDeadlineSeconds: 60 }, updateMask: mask });
  assert.equal(changed.ackDeadlineSeconds, 60);
  await assert.rejects(publisher.getTopic({ topic: `${project}/topics/none` }), /Resource not found/);
  await subscriber.deleteSubscription({ subscription });
  await Promise.all([publisher.close(), subscriber.close()]);
});

test('over TLS, REST and gRPC share the port, and plain text is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pollbus-rest.'));
  const { authority, certificate, key } = makeCertificates(folder);
  const encrypted = await new Broker({ flags: ['--tls-cert', certificate, '--tls-key', key] }).start();
  const ca = readFileSync(authority);
  try {
    for (const ALPNProtocols of [['http/1.1'], ['h2', 'http/1.1'], undefined]) {
      const agent = new HttpsAgent({ ca, ALPNProtocols });
      const [host, port] = encrypted.address.split(':');
      const request = httpsRequest({ host, port, agent, method: 'GET', path: '/v1/projects/p/topics' });
      request.end();
      const [response] = await once(request, 'response');
      assert.equal(response.statusCode, 200);
      response.resume();
      agent.destroy();
    }
    const session = connectHttp2(`https://${encrypted.address}`, { ca });
    await once(session, 'remoteSettings');
    session.close();
    const plain = connect(Number(encrypted.address.split(':')[1]), '127.0.0.1');
    plain.on('error', () => {});
    plain.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    plain.resume();
    await new Promise((resolve) => plain.once('close', resolve));
  } finally {
    await encrypted.stop();
    rmSync(folder, { recursive: true });
  }
});

test('resources at start are there when the broker says that it has started, and it ends with pulls that wait', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pollbus-start.'));
  const file = join(folder, 'resources.yaml');
  writeFileSync(file, 'topics: [orders]\nsubscriptions: [{ name: billing, topic: orders, ackDeadlineSeconds: 99 }]\n');
  const flags = ['--project', 'shop', '--resources', file, '--create-subscription', 'audit:orders'];
  const other = await new Broker({ flags }).start();
  const url = `http://${other.address}/v1/projects/shop/subscriptions`;
  const { subscriptions } = await (await fetch(url)).json();
  assert.deepEqual(names(subscriptions), ['audit', 'billing'].map((id) => `projects/shop/subscriptions/${id}`));
  assert.equal(subscriptions[1].ackDeadlineSeconds, 99);
  // Tools that start Google's emulator wait for this line.
  const port = other.address.split(':')[1];
  assert.match(readFileSync(join(other.folder, 'broker.log'), 'utf8'), new RegExp(`Server started, listening on ${port}\\b`));
  const pulling = fetch(`${url}/audit:pull`, { method: 'POST', body: '{"maxMessages":1}' });
  const requests = async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${other.http}/metrics`)).text();
    return Number(/^broker_rest_requests_total (\d+)/m.exec(metrics)[1]);
  };
  const deadline = Date.now() + 20_000;
  while ((await requests()) < 2) assert.ok(Date.now() < deadline, 'the pull has not arrived');
  const [response] = await Promise.all([pulling, other.stop()]);
  assert.equal(response.status, 503);
  assert.equal((await response.json()).error.status, 'UNAVAILABLE');
  rmSync(folder, { recursive: true });
});

test('bench/rest publishes, pulls and acknowledges', () => {
  const bench = fileURLToPath(new URL('../../bench/rest', import.meta.url));
  const { status, stdout, stderr } = spawnSync(bench, [broker.address, '--seconds', '0.1'], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout.match(/^\w+/gm), ['publish', 'pull', 'acknowledge']);
});
