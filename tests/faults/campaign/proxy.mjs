// A TCP proxy between a service and a store or the bus, which can behave like a bad network.

import { connect, createServer } from 'node:net';

// After the first answer that was dropped, everything from the server is dropped for this time.
const swallowedForMs = 150;

// Passes the bytes of one direction of a connection on, in order, and late if asked to.
function pass(from, to, link, isAnswer, swallowed) {
  let free = Promise.resolve();
  from.on('data', (bytes) => {
    if (isAnswer && link.mode === 'drop answers') {
      swallowed();
      return;
    }
    if (link.delayMs === 0) {
      to.write(bytes);
      return;
    }
    const due = Date.now() + link.delayMs;
    free = free.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - Date.now())));
      if (!to.destroyed) to.write(bytes);
    });
  });
  from.on('end', () => free.then(() => to.end()));
}

export class Proxy {
  // `target`: { host, port } of the server. The proxy listens on `host` and `port`.
  constructor({ name, target, host, port }) {
    Object.assign(this, { name, target, host, port });
    this.mode = 'pass';
    this.delayMs = 0;
    this.pairs = new Set();
    // The number of connections reset and answers dropped.
    this.harm = 0;
  }

  start() {
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.join(client));
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host: this.host, port: this.port }, resolve);
    });
  }

  join(client) {
    const server = connect({ ...this.target, allowHalfOpen: true, noDelay: true });
    const pair = { client, server };
    this.pairs.add(pair);
    const end = () => this.cut(pair);
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    let isCutting = false;
    const swallowed = () => {
      this.harm++;
      if (isCutting) return;
      isCutting = true;
      setTimeout(end, swallowedForMs);
    };
    pass(client, server, this, false, swallowed);
    pass(server, client, this, true, swallowed);
  }

  cut(pair) {
    if (!this.pairs.delete(pair)) return;
    for (const socket of [pair.client, pair.server]) socket.resetAndDestroy();
  }

  // Resets both sides of every connection.
  resetAll() {
    this.harm += this.pairs.size;
    for (const pair of [...this.pairs]) this.cut(pair);
  }

  stop() {
    this.server?.close();
    this.resetAll();
  }
}
