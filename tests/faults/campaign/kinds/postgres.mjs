// PostgreSQL is shut down in order, or runs out of connections.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { misses } from './signs.mjs';

const againMs = 200;
const maxTries = 50;

const restart = {
  name: 'restart-postgres',
  weight: 4,
  draw: (random) => ({ target: 'postgres', durationMs: random.integer(0, 1_000) }),
  async begin(system) {
    const role = system.role('postgres');
    role.hold();
    // SIGINT is the fast shutdown: transactions are rolled back, clients disconnected. It is repeated,
    // because a server that is just starting may miss it.
    for (let tries = 0; role.pid && tries < maxTries; tries++) {
      role.signal('SIGINT');
      await Promise.race([role.part.ended, sleep(againMs)]);
    }
    role.signal('SIGKILL');
    return async () => role.release();
  },
  signs: () => misses('postgres'),
};

// The first message of a client (https://www.postgresql.org/docs/15/protocol-message-formats.html).
function startupMessage(user, database) {
  const body = Buffer.from(`user\0${user}\0database\0${database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, body]);
}

const isClient = (pid) => {
  try {
    return /^postgres: pollbus pollbus \S+\(\d+\)/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
};

const hogs = 60;

// Clients that never send their password take every connection, and the recorders' connections are
// ended.
const connections = {
  name: 'postgres-connections',
  weight: 2,
  draw: (random) => ({ target: 'postgres', durationMs: random.integer(3_000, 6_000) }),
  async begin(system) {
    const sockets = new Set();
    let isOver = false;
    const hog = () => {
      if (isOver) return;
      const socket = connect(system.addresses.postgres);
      sockets.add(socket);
      socket.on('connect', () => socket.write(startupMessage('pollbus', 'pollbus')));
      socket.on('error', () => {});
      socket.resume();
      socket.on('close', () => {
        sockets.delete(socket);
        setTimeout(hog, againMs);
      });
    };
    for (let i = 0; i < hogs; i++) hog();
    const role = system.role('postgres');
    const evict = () => role.signal('SIGTERM', role.pids().filter(isClient));
    await sleep(againMs);
    evict();
    const timer = setInterval(evict, 1_000);
    return async () => {
      isOver = true;
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    };
  },
  signs: () => misses('postgres'),
};

export const postgresKinds = [restart, connections];
