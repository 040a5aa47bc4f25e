// Faults of single processes: the wall clock jumps, replicas are replaced, a machine has a twin, a
// process crashes, hangs or fails at a named step.

import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import * as roster from '../roster.mjs';
import { logs, startedAnew } from './signs.mjs';

const hourS = 3_600;
// The library reads its file once a second.
const clockSeenMs = 1_200;
const brokerDownMs = 700;

const clock = {
  name: 'clock',
  weight: 4,
  needs: ['faketime'],
  draw: (random) => {
    const target = random.pick(roster.withMovableClock);
    return {
      target,
      jumpS: random.chance(0.5) ? hourS : -hourS,
      durationMs: random.integer(2_500, 5_000),
      // A wait by the wall clock that begins while the broker is away may last for an hour. A broker that
      // is started again would not notice the jump of its own clock.
      withBroker: random.chance(0.5) && target !== 'broker',
    };
  },
  locks: ({ target, withBroker }) => [...new Set([target, ...(withBroker ? ['broker'] : [])])],
  async begin(system, { target, jumpS, withBroker }) {
    writeFileSync(system.environments.clockFile(target), `${jumpS > 0 ? '+' : ''}${jumpS}\n`);
    await sleep(clockSeenMs);
    if (withBroker) {
      system.role('broker').hold();
      system.role('broker').signal('SIGKILL');
      await sleep(brokerDownMs);
      system.role('broker').release();
    }
    return async () => writeFileSync(system.environments.clockFile(target), '+0\n');
  },
  signs: ({ target }) => ({
    parts: [target],
    metrics: /^pollbus_clock_jumps_total [1-9]/,
    log: logs('clock'),
  }),
};

// Replaces every logger and recorder, one after the other: the new process is ready before the old one
// ends.
const replace = {
  name: 'replace',
  weight: 1,
  draw: () => ({ target: 'all replicas', durationMs: 0 }),
  locks: () => ['replace'],
  async begin(system) {
    for (const name of roster.services) {
      await system.locks.take([name]);
      const role = system.role(name);
      role.faultBegins();
      try {
        const problem = await role.replace();
        if (problem) system.problems.push(problem);
      } finally {
        role.faultEnds();
        system.locks.give([name]);
      }
    }
    return async () => {};
  },
  signs: () => startedAnew(roster.services),
};

// A second process with a machine's id, and a journal of its own.
const twin = {
  name: 'twin-machine',
  weight: 2,
  draw: (random) => ({ target: random.pick(roster.machines), durationMs: random.integer(4_000, 8_000) }),
  locks: ({ target }) => [target],
  async begin(system, { target }) {
    const role = system.role(roster.twinOf(target));
    role.release();
    return async () => {
      if (!(await role.stop())) system.problems.push(`${role.name}: did not end with exit code 0 at SIGTERM`);
    };
  },
  signs: ({ target }) => ({
    parts: [target, roster.twinOf(target)],
    metrics: /^pollbus_(unknown_results|votes_timed_out)_total [1-9]/,
    log: logs('unknownAnswers'),
  }),
};

// The places of the faulty programs (tests/faults/programs).
const steps = {
  machine: ['write', 'sync', 'publish', 'erase'],
  logger: ['mark', 'publish'],
  recorder: ['commit', 'publish'],
  broker: ['sync', 'answer', 'ack'],
};
export const placesOf = (part) => steps[part].flatMap((step) => [`${part}.before_${step}`, `${part}.after_${step}`]);
const crashDeadlineMs = 5_000;

function drawAction(random) {
  if (random.chance(0.7)) return `crash(nth=${random.integer(1, 4)})`;
  return random.chance(0.5) ? 'hang(11s)' : `fail(p=0.3,seed=${random.integer(1, 1e6)})`;
}

// Replaces the process by its faulty program with one failpoint, and then by the real one again.
const failpoint = {
  name: 'failpoint',
  weight: 12,
  needs: ['failpoints'],
  draw(random) {
    const target = random.pick(['broker', ...roster.services, ...roster.machines]);
    return {
      target,
      failpoint: `${random.pick(placesOf(roster.kindOf(target)))}=${drawAction(random)}`,
      durationMs: random.integer(1_500, crashDeadlineMs),
    };
  },
  async begin(system, params) {
    const role = system.role(params.target);
    role.hold();
    role.signal('SIGKILL');
    await role.part.ended;
    role.extraEnv = { POLLBUS_FAILPOINTS: params.failpoint };
    role.release();
    role.hold();
    // After a crash the fault is over; a hang or failure lasts for its duration.
    await Promise.race([role.part.ended, sleep(params.durationMs)]);
    return async () => {
      role.extraEnv = {};
      role.signal('SIGKILL');
      await role.part.ended;
      role.release();
    };
  },
  // begin() has waited for the duration of the fault.
  waits: true,
  signs: ({ target }) => startedAnew([target]),
};

export const serviceKinds = [clock, replace, twin, failpoint];
