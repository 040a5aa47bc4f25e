// Faults of the servers' disks: full, or failing to sync.

import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

import * as roster from '../roster.mjs';
import { misses } from './signs.mjs';

const run = promisify(execFile);
const maxTries = 20;
const tracerPatienceMs = 2_000;

// Fills a file system in memory by reducing its size to what is used.
async function fill({ folder }) {
  for (let i = 0; ; i++) {
    const { stdout } = await run('stat', ['--file-system', '--format=%b %f %S', folder]);
    const [blocks, free, blockBytes] = stdout.split(' ').map(Number);
    const usedKiB = Math.max(1, ((blocks - free) * blockBytes) / 1_024);
    try {
      await run('mount', ['-o', `remount,size=${usedKiB}k`, folder]);
      return;
    } catch (error) {
      // The server has written more in the meantime.
      if (i >= maxTries) throw error;
    }
  }
}

// The broker allocates its log ahead, so only large messages make it need the disk.
const ballastBytes = 1 << 20;
const ballastMessages = 8;
const maxBallasts = 8;
const ballastSubscription = 'faults-ballast-sub';

// Creates the subscription that keeps the large messages. Returns functions that publish and drop them.
async function loadBallast(bus) {
  const name = bus.path('subscriptions', ballastSubscription);
  await bus.insist(bus.subscriber, 'createSubscription', {
    name,
    topic: bus.path('topics', bus.topic),
    filter: 'attributes:faultsBallast',
    ackDeadlineSeconds: 600,
  });
  const message = { data: Buffer.alloc(ballastBytes), attributes: { faultsBallast: '1' } };
  return {
    async load() {
      for (let i = 0; i < maxBallasts; i++) {
        const isIn = await bus.publish(Array(ballastMessages).fill(message)).catch(() => undefined);
        if (!isIn) return;
      }
    },
    drop: () => bus.insist(bus.subscriber, 'deleteSubscription', { subscription: name }),
  };
}

const signsOf = (server) => {
  const clients = misses(server);
  return server === 'broker' ? { ...clients, parts: [...clients.parts, 'broker'] } : clients;
};

// PostgreSQL has space left in its last pages and log for many small rows.
const fullMs = { broker: [2_500, 5_000], redis: [2_500, 5_000], postgres: [9_000, 14_000] };

const fullDisk = (server) => ({
  name: `full-disk-${server}`,
  weight: 2,
  needs: ['mounts'],
  draw: (random) => ({ target: server, durationMs: random.integer(...fullMs[server]) }),
  async begin(system, { target }) {
    const disk = system.disks[target];
    const ballast = server === 'broker' ? await loadBallast(system.bus) : undefined;
    await fill(disk);
    await ballast?.load();
    return async () => {
      await run('mount', ['-o', `remount,size=${disk.size}`, disk.folder]);
      await ballast?.drop();
    };
  },
  signs: () => signsOf(server),
});

// On SIGINT, strace detaches from each thread, but never ends if a thread is just exiting. SIGKILL makes
// the kernel detach from all of them.
export async function endTracer(tracer, ended) {
  tracer.kill('SIGINT');
  const patience = setTimeout(() => tracer.kill('SIGKILL'), tracerPatienceMs);
  await ended;
  clearTimeout(patience);
}

const failingSync = (server) => ({
  name: `sync-fails-${server}`,
  weight: 2,
  needs: ['strace'],
  draw: (random) => ({ target: server, durationMs: random.integer(1_500, 3_000) }),
  async begin(system, { target }) {
    const pids = system.role(target).pids();
    const inject = ['-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:error=EIO'];
    const tracer = spawn(
      'strace',
      ['-qq', '-f', '-o', '/dev/null', ...inject, ...pids.flatMap((pid) => ['-p', String(pid)])],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => tracer.once('close', resolve));
    return () => endTracer(tracer, ended);
  },
  signs: () => signsOf(server),
});

export const diskKinds = [...roster.servers.map(fullDisk), ...roster.servers.map(failingSync)];
