// kill -9 of each part, and SIGSTOP for longer than a lease lasts.

import * as roster from '../roster.mjs';
import { misses, startedAnew, stalled } from './signs.mjs';

const maxDownMs = 2_000;
// A lease lasts 10 s, and the clients of PostgreSQL wait 12 s for an answer.
const pauseMs = [11_000, 13_000];
const postgresPauseMs = [14_500, 16_000];

const membersOf = { machine: roster.machines, logger: roster.loggers, recorder: roster.recorders };
const whoIs = (part) => membersOf[part] ?? [part];
const { isServer } = roster;

function kill(part, weight) {
  return {
    name: `kill-${part}`,
    weight,
    draw: (random) => ({
      target: random.pick(whoIs(part)),
      durationMs: random.chance(0.5) ? 0 : random.integer(0, maxDownMs),
      withChildren: random.chance(0.5),
    }),
    async begin(system, { target, withChildren }) {
      const role = system.role(target);
      role.hold();
      role.signal('SIGKILL', withChildren ? role.pids() : undefined);
      return async () => role.release();
    },
    signs: ({ target }) => (isServer(target) ? misses(target) : startedAnew([target])),
  };
}

function pause(part, weight) {
  return {
    name: `pause-${part}`,
    weight,
    draw: (random) => ({
      target: random.pick(whoIs(part)),
      durationMs: random.integer(...(part === 'postgres' ? postgresPauseMs : pauseMs)),
    }),
    async begin(system, { target }) {
      const role = system.role(target);
      const pids = role.pids();
      role.signal('SIGSTOP', pids);
      return async () => role.signal('SIGCONT', pids);
    },
    signs: ({ target }) => (isServer(target) ? misses(target) : stalled([target])),
  };
}

const parts = ['machine', 'logger', 'recorder', ...roster.servers];
export const kills = parts.map((part) => kill(part, 6));
export const pauses = parts.map((part) => pause(part, isServer(part) ? 1 : 3));
