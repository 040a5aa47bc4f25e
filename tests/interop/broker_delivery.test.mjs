// Delivery by pubsub-broker to the official client: filters, streams, flow control, large
// messages, reconnects, exactly-once delivery, ordering, retries and dead letters.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { v1 } from '@google-cloud/pubsub';

import { Broker, Inbox, publishTexts, receive } from './broker.mjs';

let broker;
let client;
let lastTopic = 0;

before(async () => {
  broker = await new Broker().start();
  client = broker.client('delivery');
});

after(() => broker?.stop());

// Creates a topic and a subscription with these options.
async function subscribed(options = {}, messageOrdering = false) {
  lastTopic += 1;
  const name = `topic-${lastTopic}`;
  await client.createTopic(name);
  const topic = client.topic(name, { messageOrdering });
  await topic.createSubscription(`sub-${lastTopic}`, options);
  return { topic, subscription: client.subscription(`sub-${lastTopic}`) };
}

test('a message arrives as it was published, with id and time', async () => {
  const { topic, subscription } = await subscribed();
  const inbox = new Inbox(subscription);
  const id = await topic.publishMessage({ data: Buffer.from('ballot'), attributes: { a: 'ä', b: '' } });
  await inbox.count(1);
  const [message] = inbox.messages;
  assert.equal(message.id, id);
  assert.match(id, /^\d+$/);
  assert.deepEqual(message.attributes, { a: 'ä', b: '' });
  assert.equal(message.data.toString(), 'ballot');
  assert.ok(Math.abs(Date.now() - message.publishTime.getTime()) < 60_000);
  assert.equal(message.deliveryAttempt, 0);
  await inbox.close();
});

test('a subscription gets only messages that its filter matches', async () => {
  const { topic, subscription } = await subscribed({ filter: 'attributes.function="result" AND NOT attributes:late' });
  await topic.publishMessage({ data: Buffer.from('1'), attributes: { function: 'result', late: '' } });
  await topic.publishMessage({ data: Buffer.from('2'), attributes: { function: 'submit' } });
  await topic.publishMessage({ data: Buffer.from('3'), attributes: { function: 'result' } });
  assert.deepEqual(await receive(subscription, 1), ['3']);
});

test('an invalid filter is refused with the position of the error', async () => {
  await assert.rejects(subscribed({ filter: 'attributes.a > "x"' }), /^Error: 3 INVALID_ARGUMENT: .*character 14/);
});

test('every subscription gets each message once', async () => {
  const { topic, subscription } = await subscribed();
  await topic.createSubscription('sub-other');
  const texts = Array.from({ length: 3_000 }, (_, i) => String(i));
  const inboxes = [new Inbox(subscription), new Inbox(client.subscription('sub-other'))];
  await publishTexts(topic, texts);
  for (const inbox of inboxes) {
    await inbox.count(texts.length);
    await inbox.close();
    assert.deepEqual(inbox.texts.sort(), [...texts].sort());
  }
});

test('streams of one subscription share its messages', async () => {
  const { topic, subscription } = await subscribed();
  const first = new Inbox(subscription);
  const second = new Inbox(broker.client('delivery').subscription(subscription.name), (message) => {
    message.ack();
    first.wake();
  });
  const texts = Array.from({ length: 1_000 }, (_, i) => String(i));
  await publishTexts(topic, texts);
  await first.until(() => first.messages.length + second.messages.length >= texts.length);
  assert.deepEqual([...first.texts, ...second.texts].sort(), texts.sort());
  await Promise.all([first.close(), second.close()]);
});

test('a client gets no more messages than its flow control allows', async () => {
  const { topic, subscription } = await subscribed();
  subscription.setOptions({ flowControl: { maxMessages: 5, allowExcessMessages: false } });
  let held = [];
  let most = 0;
  const inbox = new Inbox(subscription, (message) => {
    held.push(message);
    most = Math.max(most, held.length);
    if (held.length < 5) return;
    held.forEach((one) => one.ack());
    held = [];
  });
  await publishTexts(
    topic,
    Array.from({ length: 50 }, (_, i) => String(i)),
  );
  await inbox.count(50);
  assert.equal(most, 5);
  await inbox.close();
});

test('messages of 9 MB are delivered', async () => {
  const { topic, subscription } = await subscribed();
  const data = Buffer.alloc(9_000_000, 'v');
  const inbox = new Inbox(subscription);
  await Promise.all([topic.publishMessage({ data }), topic.publishMessage({ data })]);
  await inbox.count(2);
  for (const message of inbox.messages) assert.ok(message.data.equals(data));
  await inbox.close();
  await assert.rejects(topic.publishMessage({ data: Buffer.alloc(10_000_001) }), { code: 3 });
});

test('a nacked message is delivered again', async () => {
  const { topic, subscription } = await subscribed();
  let nacks = 2;
  const inbox = new Inbox(subscription, (message) => (nacks-- > 0 ? message.nack() : message.ack()));
  await topic.publishMessage({ data: Buffer.from('again') });
  await inbox.count(3);
  await inbox.close();
});

test('a retry policy delays a nacked message', async () => {
  const retryPolicy = { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 2 } };
  const { topic, subscription } = await subscribed({ retryPolicy });
  const times = [];
  const inbox = new Inbox(subscription, (message) => {
    times.push(Date.now());
    if (times.length === 1) message.nack();
    else message.ack();
  });
  await topic.publishMessage({ data: Buffer.from('later') });
  await inbox.count(2);
  assert.ok(times[1] - times[0] >= 950, `${times[1] - times[0]} ms`);
  await inbox.close();
});

test('messages with an ordering key are delivered in order, also after a nack', async () => {
  const { topic, subscription } = await subscribed({ enableMessageOrdering: true }, true);
  const keys = ['a', 'b', 'c'];
  const last = { a: -1, b: -1, c: -1 };
  const done = { a: 0, b: 0, c: 0 };
  let nacked = false;
  const inbox = new Inbox(subscription, (message) => {
    const number = Number(message.data);
    const key = message.orderingKey;
    if (number === 20 && key === 'b' && !nacked) {
      nacked = true;
      last.b = 19; // it comes again, and all behind it
      message.nack();
      return;
    }
    // Messages that the client held when it nacked belong to a batch that is not valid any more.
    if (number > last[key] + 1 && nacked && key === 'b' && last.b === 19) return;
    assert.equal(number, last[key] + 1, key);
    last[key] = number;
    done[key] += 1;
    message.ack();
  });
  for (let i = 0; i < 60; i++) {
    for (const key of keys) {
      topic.publishMessage({ data: Buffer.from(String(i)), orderingKey: key }).catch((error) => {
        inbox.errors.push(error);
        inbox.wake();
      });
    }
  }
  await inbox.until(() => keys.every((key) => done[key] === 60));
  assert.ok(nacked);
  await inbox.close();
});

test('a message that is never acked moves to the dead-letter topic', async () => {
  const { topic: deadTopic, subscription: dead } = await subscribed();
  const deadLetterPolicy = { deadLetterTopic: deadTopic.name, maxDeliveryAttempts: 5 };
  const { topic, subscription } = await subscribed({ deadLetterPolicy });
  const attempts = [];
  const inbox = new Inbox(subscription, (message) => {
    attempts.push(message.deliveryAttempt);
    message.nack();
  });
  await topic.publishMessage({ data: Buffer.from('bad'), attributes: { own: 'value' } });
  const letters = await new Inbox(dead).count(1);
  const { attributes, data } = letters.messages[0];
  assert.equal(data.toString(), 'bad');
  assert.deepEqual(attempts, [1, 2, 3, 4, 5]);
  assert.equal(attributes.own, 'value');
  assert.equal(attributes.CloudPubSubDeadLetterSourceDeliveryCount, '5');
  assert.equal(attributes.CloudPubSubDeadLetterSourceSubscription, subscription.name.split('/').pop());
  assert.equal(attributes.CloudPubSubDeadLetterSourceSubscriptionProject, 'delivery');
  assert.ok(Date.parse(attributes.CloudPubSubDeadLetterSourceTopicPublishTime) > 0);
  await Promise.all([inbox.close(), letters.close()]);
});

test('with exactly-once delivery, an ack reports whether it took effect', async () => {
  const { topic, subscription } = await subscribed({ enableExactlyOnceDelivery: true });
  const outcomes = [];
  const inbox = new Inbox(subscription, async (message) => {
    outcomes.push(await message.ackWithResponse());
    inbox.wake();
  });
  await publishTexts(
    topic,
    Array.from({ length: 100 }, (_, i) => String(i)),
  );
  await inbox.until(() => outcomes.length === 100);
  assert.ok(outcomes.every((outcome) => outcome === 'SUCCESS'));
  assert.equal(new Set(inbox.texts).size, 100);
  await inbox.close();
});

test('with exactly-once delivery, an ack after the lease has ended fails', async () => {
  const { topic, subscription } = await subscribed({ enableExactlyOnceDelivery: true });
  let outcome;
  const inbox = new Inbox(subscription, async (message) => {
    if (outcome) return;
    outcome = 'asked';
    // Another client acks it first.
    const low = new v1.SubscriberClient(await client.getClientConfig());
    await low.acknowledge({ subscription: subscription.name, ackIds: [message.ackId] });
    outcome = await message.ackWithResponse().catch((error) => error.errorCode);
    await low.close();
    inbox.wake();
  });
  await topic.publishMessage({ data: Buffer.from('once') });
  await inbox.until(() => outcome && outcome !== 'asked');
  assert.equal(outcome, 'INVALID');
  await inbox.close();
});

test('a killed broker has its messages after a restart, and streams reconnect', async () => {
  const { topic, subscription } = await subscribed();
  await publishTexts(topic, ['before']);
  const inbox = new Inbox(subscription, (message) => {
    if (message.data.toString() !== 'before') message.ack();
  });
  await inbox.count(1);
  await broker.killAndRestart();
  await topic.publishMessage({ data: Buffer.from('after') });
  await inbox.until(() => inbox.texts.includes('after') && inbox.texts.filter((text) => text === 'before').length > 1);
  await inbox.close();
});
