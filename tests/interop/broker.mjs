// A broker of its own for each file of tests, and what the tests wait with.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PubSub } from '@google-cloud/pubsub';

import { isReady } from '../../scripts/local.d/http.mjs';
import { Part } from '../../scripts/local.d/part.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';

// The client would look for the metadata server of Google Cloud, which is not here.
process.env.METADATA_SERVER_DETECTION = 'none';

const root = fileURLToPath(new URL('../..', import.meta.url));
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin');
const deadlineMs = 20_000;

async function freePort() {
  const reserved = await reservePort();
  await reserved.release();
  return reserved.port;
}

export class Broker {
  async start() {
    const parent = join(programs, '..', 'test_data');
    mkdirSync(parent, { recursive: true });
    this.folder = mkdtempSync(join(parent, 'interop.'));
    this.address = `127.0.0.1:${await freePort()}`;
    this.http = await freePort();
    this.clients = [];
    await this.launch();
    return this;
  }

  async launch() {
    this.part = new Part({
      name: 'pubsub-broker',
      log: join(this.folder, 'broker.log'),
      command: [
        join(programs, 'pubsub-broker'),
        ...['--listen', this.address, '--http-port', String(this.http)],
        ...['--data-dir', join(this.folder, 'data')],
      ],
      answers: () => isReady({ port: this.http }),
    }).start();
    await this.part.ready();
  }

  // As the power does it; what was acknowledged is there again.
  async killAndRestart() {
    this.part.kill();
    await this.part.ended;
    await this.launch();
  }

  // The official client, as its users make it.
  client(projectId) {
    process.env.PUBSUB_EMULATOR_HOST = this.address;
    const client = new PubSub({ projectId });
    this.clients.push(client);
    return client;
  }

  async stop() {
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
    if (!(await this.part.stop())) throw new Error(`ended badly: ${this.part.logTail().join('\n')}`);
    rmSync(this.folder, { recursive: true });
  }
}

// What a subscription delivers, until close(). `handle(message)` acks unless it is given.
export class Inbox {
  constructor(subscription, handle = (message) => message.ack()) {
    Object.assign(this, { subscription, messages: [], errors: [], waiting: [] });
    subscription.on('message', (message) => {
      this.messages.push(message);
      handle(message);
      this.wake();
    });
    subscription.on('error', (error) => {
      this.errors.push(error);
      this.wake();
    });
  }

  wake() {
    this.waiting.splice(0).forEach((wake) => wake());
  }

  get texts() {
    return this.messages.map((message) => message.data.toString());
  }

  // Waits until `condition()` holds; rejects on an error of the subscription.
  async until(condition, what = 'what was expected has come') {
    const deadline = Date.now() + deadlineMs;
    while (!condition()) {
      if (this.errors.length > 0) throw this.errors[0];
      if (Date.now() > deadline) throw new Error(`waited in vain until ${what}; got ${this.texts.length} messages`);
      await new Promise((wake) => {
        const timer = setTimeout(wake, Math.max(0, deadline - Date.now()));
        this.waiting.push(() => {
          clearTimeout(timer);
          wake();
        });
      });
    }
    return this;
  }

  count(count) {
    return this.until(() => this.messages.length >= count, `${count} messages have come`);
  }

  async close() {
    await this.subscription.close();
  }
}

// So many messages, acked, in the order in which they came.
export async function receive(subscription, count) {
  const inbox = new Inbox(subscription);
  await inbox.count(count);
  await inbox.close();
  return inbox.texts;
}

export function publishTexts(topic, texts, more = {}) {
  return Promise.all(texts.map((text) => topic.publishMessage({ data: Buffer.from(text), ...more })));
}
