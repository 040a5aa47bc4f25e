// Loopback addresses and free ports on this machine.

import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const leastPort = 10_000;
const maxTries = 1_000;

// "127.0.0.1:8085" or "[::1]:8085".
export function hostAndPort(host, port) {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

// The inverse of hostAndPort: { host, port }; undefined when the text is not an address with a port.
export function splitHostAndPort(text) {
  const [, bracketed, plain, port] = text.match(/^(?:\[([\da-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/) ?? [];
  const isPort = port >= 1 && port <= 65_535;
  return isPort ? { host: bracketed ?? plain, port: Number(port) } : undefined;
}

// The kernel takes ports from this one on for outgoing connections.
function firstOutgoingPort() {
  const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/);
  return Number(first) > leastPort ? Number(first) : 32_768;
}

// A server that listens on the port and so keeps others off it; undefined when the port is taken.
function hold(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.unref();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

const close = (server) => new Promise((resolve) => server.close(resolve));

// 127.0.0.1, or ::1 on a machine that has no IPv4.
export async function loopbackAddress() {
  for (const host of ['127.0.0.1', '::1']) {
    const server = await hold(0, host);
    if (!server) continue;
    await close(server);
    return host;
  }
  throw new Error('this machine has no loopback address: neither 127.0.0.1 nor ::1 can be used');
}

// Reserves a free port, so that a second demo does not take it. Call release() just before the server
// that is to listen there starts.
export async function reservePort(host = '127.0.0.1') {
  const end = firstOutgoingPort();
  for (let i = 0; i < maxTries; i++) {
    const port = leastPort + Math.floor(Math.random() * (end - leastPort));
    const server = await hold(port, host);
    if (server) return { port, release: () => close(server) };
  }
  throw new Error(`no free port on ${host}`);
}

// Whether a server accepts connections there.
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
