// Topics, subscriptions and snapshots of pubsub-broker, with the official client.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Broker, Inbox, publishTexts, receive } from './broker.mjs';

let broker;
let client;

before(async () => {
  broker = await new Broker().start();
  client = broker.client('resources');
});

after(() => broker?.stop());

const notFound = { code: 5 };
const sorted = (resources) => resources.map((resource) => resource.name.split('/').pop()).sort();

test('topics are created, shown, labelled, listed and deleted', async () => {
  const [topic] = await client.createTopic('admin');
  await assert.rejects(client.createTopic('admin'), {
    code: 6,
    details: 'Resource already exists in the project (resource=admin).',
  });
  await topic.setMetadata({ labels: { owner: 'clerk' } });
  assert.deepEqual((await topic.getMetadata())[0].labels, { owner: 'clerk' });
  await topic.setMetadata({ messageRetentionDuration: { seconds: 600 } });
  assert.equal((await topic.getMetadata())[0].messageRetentionDuration.seconds, '600');
  for (let i = 0; i < 5; i++) await client.createTopic(`more-${i}`);
  assert.deepEqual(sorted((await client.getTopics({ pageSize: 2, autoPaginate: true }))[0]), [
    'admin',
    'more-0',
    'more-1',
    'more-2',
    'more-3',
    'more-4',
  ]);
  await topic.delete();
  await assert.rejects(topic.getMetadata(), { ...notFound, details: 'Resource not found (resource=admin).' });
  await assert.rejects(topic.publishMessage({ data: Buffer.from('x') }), notFound);
});

test('subscriptions are created, shown, changed, listed and deleted', async () => {
  const [topic] = await client.createTopic('changing');
  const [subscription] = await topic.createSubscription('changing-sub', { filter: 'attributes:a' });
  const [shown] = await subscription.getMetadata();
  assert.equal(shown.ackDeadlineSeconds, 10);
  assert.equal(shown.filter, 'attributes:a');
  assert.equal(shown.messageRetentionDuration.seconds, '604800');
  assert.equal(shown.expirationPolicy.ttl.seconds, '2678400');
  await subscription.setMetadata({ ackDeadlineSeconds: 60, retainAckedMessages: true });
  const [changed] = await subscription.getMetadata();
  assert.equal(changed.ackDeadlineSeconds, 60);
  assert.equal(changed.retainAckedMessages, true);
  await assert.rejects(subscription.setMetadata({ filter: 'attributes:b' }), { code: 3 });
  await topic.createSubscription('changing-other');
  assert.deepEqual(sorted((await topic.getSubscriptions())[0]), ['changing-other', 'changing-sub']);
  assert.deepEqual(sorted((await client.getSubscriptions({ pageSize: 1, autoPaginate: true }))[0]), ['changing-other', 'changing-sub']);
  await subscription.delete();
  assert.deepEqual(await subscription.exists(), [false]);
  await topic.delete();
  assert.equal((await client.subscription('changing-other').getMetadata())[0].topic, '_deleted-topic_');
  await client.subscription('changing-other').delete();
});

test('an open stream ends when its subscription is deleted', async () => {
  const [topic] = await client.createTopic('doomed');
  const [subscription] = await topic.createSubscription('doomed-sub');
  const inbox = new Inbox(subscription);
  await publishTexts(topic, ['first']);
  await inbox.count(1);
  await client.subscription('doomed-sub').delete();
  await assert.rejects(
    inbox.until(() => false),
    notFound,
  );
});

test('a detached subscription refuses streams', async () => {
  const [topic] = await client.createTopic('leaving');
  await topic.createSubscription('leaving-sub');
  assert.deepEqual(await client.subscription('leaving-sub').detached(), [false]);
  await client.detachSubscription('leaving-sub');
  assert.deepEqual(await client.subscription('leaving-sub').detached(), [true]);
  assert.deepEqual((await topic.getSubscriptions())[0], []);
  const inbox = new Inbox(client.subscription('leaving-sub'));
  await assert.rejects(
    inbox.until(() => false),
    { code: 9 },
  );
});

test('seeking to a snapshot brings back messages that were acked after it', async () => {
  const [topic] = await client.createTopic('photographed');
  const [subscription] = await topic.createSubscription('photographed-sub');
  await publishTexts(topic, ['1', '2']);
  const [snapshot] = await subscription.createSnapshot('picture');
  assert.deepEqual(sorted((await client.getSnapshots())[0]), ['picture']);
  assert.deepEqual((await receive(subscription, 2)).sort(), ['1', '2']);
  await publishTexts(topic, ['3']);
  await receive(subscription, 1);
  await broker.killAndRestart();
  await snapshot.seek();
  assert.deepEqual((await receive(client.subscription('photographed-sub'), 3)).sort(), ['1', '2', '3']);
  await snapshot.delete();
  await assert.rejects(snapshot.seek(), notFound);
});

test('seeking to a time works forward and back', async () => {
  const [topic] = await client.createTopic('timed');
  const [subscription] = await topic.createSubscription('timed-sub', { retainAckedMessages: true });
  await publishTexts(topic, ['1', '2']);
  await subscription.seek(new Date(Date.now() + 60_000));
  await publishTexts(topic, ['3']);
  assert.deepEqual(await receive(subscription, 1), ['3']);
  await subscription.seek(new Date(Date.now() - 60_000));
  assert.deepEqual((await receive(client.subscription('timed-sub'), 3)).sort(), ['1', '2', '3']);
});

test('an ack that is running during a seek has no effect', async () => {
  const [topic] = await client.createTopic('racing');
  const [subscription] = await topic.createSubscription('racing-sub');
  const [snapshot] = await subscription.createSnapshot('racing-picture');
  for (const seek of [() => snapshot.seek(), (message) => subscription.seek(message.publishTime)]) {
    let sought;
    const inbox = new Inbox(client.subscription('racing-sub'), (message) => {
      message.ack(); // the client sends it later
      sought ??= seek(message);
    });
    await publishTexts(topic, ['again']);
    await inbox.count(2);
    await sought;
    await inbox.close();
  }
});

test('a topic with retention serves subscriptions that are created later', async () => {
  const [topic] = await client.createTopic({
    name: 'projects/resources/topics/lasting',
    messageRetentionDuration: { seconds: 3_600 },
  });
  await publishTexts(topic, ['1'], { attributes: { n: '1' } });
  await publishTexts(topic, ['2'], { attributes: { n: '2' } });
  const [subscription] = await topic.createSubscription('lasting-sub', { filter: 'attributes.n="2"' });
  await subscription.seek(new Date(Date.now() - 60_000));
  assert.deepEqual(await receive(subscription, 1), ['2']);
});
