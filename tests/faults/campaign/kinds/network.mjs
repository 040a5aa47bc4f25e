// Faults of the network between two parts: it is cut, slow, resets connections or loses answers.

import * as roster from '../roster.mjs';
import { misses, waitsLong } from './signs.mjs';

// Longer than clients wait: 5 s for Redis, 10 s for the bus, 12 s for PostgreSQL.
const partedMs = { redis: [8_000, 12_000], broker: [12_000, 15_000], postgres: [15_000, 17_000] };
const delayMs = [600, 900];
const delayedMs = [4_000, 7_000];
const brokenMs = [2_000, 4_000];
const resetPauseMs = 400;

// Cuts one link, or a server from all its clients except those that use a proxy.
function drawPartition(random) {
  const isIsolation = random.chance(0.25);
  const link = random.pick(roster.directLinks);
  const server = isIsolation ? random.pick(roster.servers) : link.server;
  return {
    target: isIsolation ? server : link.name,
    client: isIsolation ? undefined : link.client,
    server,
    durationMs: random.integer(...partedMs[server]),
  };
}

function partition(name, directions) {
  return {
    name,
    weight: 4,
    needs: ['partitions'],
    draw: (random) => ({ ...drawPartition(random), ...directions(random) }),
    locks: ({ client, server }) => (client ? [client] : [server]),
    async begin(system, { client, server, deaf, mute }) {
      const serverNode = system.role(server).node;
      if (!client) return system.network.part(serverNode, undefined, { deaf, mute });
      return system.network.part(system.role(client).node, serverNode, { deaf, mute });
    },
    signs: ({ client, server }) => misses(server, client ? [client] : undefined),
  };
}

const partitions = [
  partition('partition-both-ways', () => ({ deaf: true, mute: true })),
  partition('partition-one-way', (random) => {
    const deaf = random.chance(0.5);
    return { deaf, mute: !deaf };
  }),
];

// A fault of one of the links that go through a proxy.
function onProxy(name, { durationMs, weight = 6, signs, begin, ...more }) {
  return {
    name,
    weight,
    draw: (random) => {
      const link = random.pick(roster.proxiedLinks);
      return {
        target: link.name,
        ...link,
        durationMs: random.integer(...durationMs),
        ...more.draw?.(random),
      };
    },
    locks: ({ target, client }) => [target, client],
    begin: async (system, params) => begin(system.proxies.get(params.target), params),
    signs: ({ client, server }) => signs(server, [client]),
  };
}

const delay = onProxy('delay', {
  durationMs: delayedMs,
  signs: waitsLong,
  draw: (random) => ({ delayMs: random.integer(...delayMs) }),
  begin(proxy, params) {
    proxy.delayMs = params.delayMs;
    return async () => {
      proxy.delayMs = 0;
    };
  },
});

const reset = onProxy('reset', {
  durationMs: brokenMs,
  signs: misses,
  begin(proxy) {
    proxy.resetAll();
    const timer = setInterval(() => proxy.resetAll(), resetPauseMs);
    return async () => clearInterval(timer);
  },
});

const dropAnswers = onProxy('drop-answers', {
  durationMs: brokenMs,
  signs: misses,
  begin(proxy) {
    proxy.mode = 'drop answers';
    return async () => {
      proxy.mode = 'pass';
      proxy.resetAll();
    };
  },
});

export const networkKinds = [...partitions, delay, reset, dropAnswers];
