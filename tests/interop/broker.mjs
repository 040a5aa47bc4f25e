// Starts a broker for each file of tests, and has functions that wait for messages.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PubSub } from '@google-cloud/pubsub';

import { isReady } from '../../scripts/local.d/http.mjs';
import { Part } from '../../scripts/local.d/part.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';

// Without this, the client would look for the metadata server of Google Cloud.
process.env.METADATA_SERVER_DETECTION = 'none';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin');
const deadlineMs = 20_000;

async function freePort() {
  const reserved = await reservePort();
  await reserved.release();
  return reserved.port;
}

export class Broker {
  // `flags` are passed to the broker. `prefix` is a command that runs it, like ['prlimit', '--nofile=256'].
  constructor({ flags = [], prefix = [] } = {}) {
    Object.assign(this, { flags, prefix });
  }

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
        ...this.prefix,
        join(programs, 'pubsub-broker'),
        ...['--listen', this.address, '--http-port', String(this.http)],
        ...['--data-dir', join(this.folder, 'data')],
        ...this.flags,
      ],
      answers: () => isReady({ port: this.http }),
    }).start();
    await this.part.ready();
  }

  // Ends the broker like a power failure, and starts it again on the same data.
  async killAndRestart() {
    this.part.kill();
    await this.part.ended;
    await this.launch();
  }

  // Creates the official client, the way its users do.
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

// Collects what a subscription delivers, until close(). Without `handle`, it acks each message.
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

  // Waits until `condition()` is true. Rejects on an error of the subscription.
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

// Returns the texts of the next `count` messages, in the order of their arrival, and acks them.
export async function receive(subscription, count) {
  const inbox = new Inbox(subscription);
  await inbox.count(count);
  await inbox.close();
  return inbox.texts;
}

export function publishTexts(topic, texts, more = {}) {
  return Promise.all(texts.map((text) => topic.publishMessage({ data: Buffer.from(text), ...more })));
}
