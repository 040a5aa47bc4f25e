// Free ports of 127.0.0.1.

import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const leastPort = 10_000;
const maxTries = 1_000;

// From there on, the kernel takes ports for outgoing connections.
function firstOutgoingPort() {
  const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/);
  return Number(first) > leastPort ? Number(first) : 32_768;
}

function hold(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.unref();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

// A port that is held, so that a second demo does not take it, until release() makes way for the
// server that shall listen there.
export async function reservePort() {
  const end = firstOutgoingPort();
  for (let i = 0; i < maxTries; i++) {
    const port = leastPort + Math.floor(Math.random() * (end - leastPort));
    const server = await hold(port);
    if (server) {
      return { port, release: () => new Promise((resolve) => server.close(resolve)) };
    }
  }
  throw new Error('no free port on 127.0.0.1');
}

export function somebodyListens(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
