// The campaign's own access to the bus, through the official client: it publishes bad messages and
// copies, takes messages away from services, and reads the quarantine topic.

import { setTimeout as pause } from 'node:timers/promises';

const callTimeoutMs = 5_000;
const retryPauseMs = 250;
const quarantineSubscription = 'faults-quarantine-sub';
// The codes by which a retry learns that an earlier call, whose answer was lost, has succeeded:
// ALREADY_EXISTS and NOT_FOUND.
const doneAlready = { createSubscription: 6, deleteSubscription: 5 };

export class Bus {
  constructor({ address, project, topic }) {
    Object.assign(this, { address, project, topic });
    this.notices = [];
  }

  path(kind, name) {
    return `projects/${this.project}/${kind}/${name}`;
  }

  async start() {
    process.env.METADATA_SERVER_DETECTION = 'none';
    const { v1 } = await import('@google-cloud/pubsub');
    const grpc = await import('@grpc/grpc-js');
    const options = {
      servicePath: this.address.host,
      port: this.address.port,
      sslCreds: grpc.credentials.createInsecure(),
      projectId: this.project,
      // Reconnects soon after the bus is back.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.keepalive_time_ms': 5_000,
      'grpc.keepalive_timeout_ms': 3_000,
    };
    this.publisher = new v1.PublisherClient(options);
    this.subscriber = new v1.SubscriberClient(options);
    const quarantine = this.path('topics', `${this.topic}-quarantine`);
    await this.publisher.createTopic({ name: quarantine }).catch((error) => {
      if (error.code !== grpc.status.ALREADY_EXISTS) throw error;
    });
    await this.subscribe(quarantineSubscription, quarantine);
  }

  // Makes one call with a deadline. The client's own retries are off, so that faults show. So is its
  // bundling, which would give two publishes the ids of both.
  async call(client, method, request, timeout = callTimeoutMs) {
    const [answer] = await client[method](request, { timeout, retry: null, isBundling: false });
    return answer;
  }

  // Repeats the call until it succeeds, or until it turns out that it has succeeded before.
  async insist(client, method, request) {
    for (;;) {
      try {
        return await this.call(client, method, request);
      } catch (error) {
        if (error.code === doneAlready[method]) return undefined;
        await pause(retryPauseMs);
      }
    }
  }

  subscribe(name, topic = this.path('topics', this.topic), filter = '') {
    const request = { name: this.path('subscriptions', name), topic, filter, ackDeadlineSeconds: 10 };
    return this.call(this.subscriber, 'createSubscription', request);
  }

  unsubscribe(name) {
    return this.call(this.subscriber, 'deleteSubscription', {
      subscription: this.path('subscriptions', name),
    });
  }

  // Returns the message ids. Throws if it is not known whether the messages were published.
  async publish(messages, timeoutMs = callTimeoutMs) {
    const request = { topic: this.path('topics', this.topic), messages };
    return (await this.call(this.publisher, 'publish', request, timeoutMs)).messageIds;
  }

  async untilItAnswers() {
    await this.insist(this.publisher, 'getTopic', { topic: this.path('topics', this.topic) });
  }

  // Returns the messages that are available or arrive within `waitMs`; none if the bus is away.
  async pull(name, maxMessages, waitMs = 0) {
    const request = {
      subscription: this.path('subscriptions', name),
      maxMessages,
      returnImmediately: waitMs === 0,
    };
    const answer = await this.call(this.subscriber, 'pull', request, waitMs || undefined).catch(
      () => undefined,
    );
    return answer?.receivedMessages ?? [];
  }

  async setDeadline(name, ackIds, seconds) {
    if (ackIds.length === 0) return;
    const request = { subscription: this.path('subscriptions', name), ackIds, ackDeadlineSeconds: seconds };
    await this.call(this.subscriber, 'modifyAckDeadline', request).catch(() => {});
  }

  async ack(name, ackIds) {
    if (ackIds.length === 0) return;
    const request = { subscription: this.path('subscriptions', name), ackIds };
    await this.call(this.subscriber, 'acknowledge', request).catch(() => {});
  }

  // Returns all notices so far: { id, reason }.
  async readNotices() {
    const empty = 3;
    for (let nothing = 0; nothing < empty;) {
      const received = await this.pull(quarantineSubscription, 1_000);
      for (const { message } of received) {
        this.notices.push({ id: message.attributes.messageId, reason: message.attributes.reason });
      }
      await this.ack(
        quarantineSubscription,
        received.map(({ ackId }) => ackId),
      );
      nothing = received.length === 0 ? nothing + 1 : 0;
      if (received.length === 0) await pause(retryPauseMs);
    }
    return this.notices;
  }

  stop() {
    this.publisher?.close().catch(() => {});
    this.subscriber?.close().catch(() => {});
  }
}
