// Messages delivered twice, late, in another order, to a consumer that does nothing with them, or
// that nobody can read.

import { setTimeout as sleep } from 'node:timers/promises';

import * as roster from '../roster.mjs';
import { stoodStill } from './signs.mjs';

const tap = 'faults-tap';
const copyAttribute = 'faultsCopy';
// A copy of these would be one more bad message.
const poisonAttribute = 'faultsPoison';
const subscriptions = [
  'election-submit-sub',
  'election-record-sub',
  ...roster.machines.map((name) => `election-result-${roster.numberOf(name)}-sub`),
];
const pollMs = 100;
// How long a pull waits in line with the part that the messages are meant for.
const pullMs = 500;
const maxHeldMs = 3_000;
const maxHeld = 500;

// Repeats `step` until it is stopped; the returned function stops it and waits for its end.
function repeatedly(step, intervalMs) {
  let stopped = false;
  const done = (async () => {
    while (!stopped) {
      await step();
      await sleep(intervalMs);
    }
  })();
  return async () => {
    stopped = true;
    await done;
  };
}

const copyOf = ({ data, attributes }) => ({ data, attributes: { ...attributes, [copyAttribute]: '1' } });

// Everything on the topic is published a second and a third time, in another order.
const duplicates = {
  name: 'duplicates',
  weight: 5,
  draw: (random) => ({
    target: 'topic',
    durationMs: random.integer(2_000, 5_000),
    seed: random.integer(0, 1e9),
  }),
  locks: () => [tap],
  async begin({ bus, randomOf }, { seed }) {
    const random = randomOf(seed);
    await bus
      .insist(bus.subscriber, 'createSubscription', {
        name: bus.path('subscriptions', tap),
        topic: bus.path('topics', bus.topic),
        ackDeadlineSeconds: 10,
      })
      .catch(() => {});
    let copies = [];
    const step = async () => {
      const received = await bus.pull(tap, maxHeld);
      await bus.ack(
        tap,
        received.map(({ ackId }) => ackId),
      );
      const originals = received
        .map(({ message }) => message)
        .filter(({ attributes }) => !attributes[copyAttribute] && !attributes[poisonAttribute]);
      copies.push(
        ...originals.flatMap((message) =>
          random.chance(0.5) ? [copyOf(message)] : [copyOf(message), copyOf(message)],
        ),
      );
      if (random.chance(0.7)) return;
      await bus.publish(random.shuffled(copies).slice(0, maxHeld)).catch(() => {});
      copies = [];
    };
    const stop = repeatedly(step, pollMs);
    return async () => {
      await stop();
      if (copies.length > 0) await bus.publish(copies.slice(0, maxHeld)).catch(() => {});
      await bus.insist(bus.subscriber, 'deleteSubscription', {
        subscription: bus.path('subscriptions', tap),
      });
    };
  },
  signs: () => ({
    parts: [...roster.loggers, ...roster.machines],
    metrics: /^(pollbus_votes_total\{outcome="forwarded again"\} [1-9]|pollbus_unknown_results_total [1-9])/,
    log: /"event":"answers to votes that are not waited for/,
  }),
};

// Some messages go to a consumer that gives them back, in another order and late.
const reorder = {
  name: 'reorder',
  weight: 5,
  draw: (random) => ({
    target: random.pick(subscriptions),
    durationMs: random.integer(3_000, 6_000),
    seed: random.integer(0, 1e9),
  }),
  async begin({ bus, randomOf }, { target, seed }) {
    const random = randomOf(seed);
    const late = [];
    const giveBack = async (ackIds, afterMs) => {
      await sleep(afterMs);
      await bus.setDeadline(target, ackIds, 0);
    };
    const stop = repeatedly(async () => {
      const ackIds = random.shuffled(
        (await bus.pull(target, random.integer(1, 50), pullMs)).map(({ ackId }) => ackId),
      );
      if (ackIds.length > 0) late.push(giveBack(ackIds, random.integer(0, maxHeldMs)));
    }, pollMs);
    return async () => {
      await stop();
      await Promise.all(late);
    };
  },
  signs: () => ({ parts: ['broker'], metrics: /^broker_subscription_nacked_total/ }),
};

// A consumer takes what it can get, and neither acks nor gives back: all of it comes again when
// its leases end.
const hoarder = {
  name: 'hoarding-consumer',
  weight: 3,
  draw: (random) => ({ target: random.pick(subscriptions), durationMs: random.integer(2_000, 4_000) }),
  begin: async ({ bus }, { target }) =>
    repeatedly(() => Promise.all([1, 2, 3].map(() => bus.pull(target, 100, pullMs))), 0),
  signs: () => ({ parts: ['broker'], metrics: /^broker_subscription_expired_total/ }),
};

// A replica that has a processor for a twentieth of the time only.
const slowConsumer = {
  name: 'slow-consumer',
  weight: 4,
  draw: (random) => ({
    target: random.pick([...roster.services, ...roster.machines]),
    durationMs: random.integer(5_000, 8_000),
  }),
  async begin(system, { target }) {
    const role = system.role(target);
    const stop = repeatedly(async () => {
      role.signal('SIGSTOP');
      await sleep(2_200);
      role.signal('SIGCONT');
    }, pollMs);
    return async () => {
      await stop();
      role.signal('SIGCONT');
    };
  },
  signs: ({ target }) => stoodStill([target]),
};

const uuid = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';
const nobody = 999_999;
// Long: what is published must be known.
const poisonTimeoutMs = 60_000;
// Nothing of these is a vote of anybody, and nobody listens for the answers to machine 999999.
const badVotes = [
  'not JSON at all',
  '[]',
  '{}',
  `{"machine_ID":${nobody},"UUID":"${uuid}"}`,
  `{"machine_ID":${nobody},"voter_ID":-1,"voting":-1,"election_ID":12,"UUID":"${uuid}"}`,
  `{"machine_ID":${nobody},"voter_ID":1,"voting":"one","election_ID":12,"UUID":"${uuid}"}`,
  `{"machine_ID":${nobody},"voter_ID":1,"voting":1,"election_ID":12,"UUID":"no uuid"}`,
  `{"machine_ID":1e400,"voter_ID":1,"voting":0.5,"election_ID":12,"UUID":"${uuid}"}`,
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  '['.repeat(10_000),
  `{"machine_ID":${nobody},"UUID":"${uuid}","padding":"${'x'.repeat(66_000)}"}`,
];

const poison = {
  name: 'poison',
  weight: 4,
  draw: (random) => ({
    target: random.pick(['submit vote', 'record vote']),
    durationMs: random.integer(500, 2_000),
    seed: random.integer(0, 1e9),
  }),
  // The ids of what was published must be known: no fault may hit the broker meanwhile.
  locks: () => ['broker', 'poison'],
  async begin({ bus, randomOf, onPoison }, { target, seed }) {
    const random = randomOf(seed);
    const step = async () => {
      const data = random.shuffled(badVotes).slice(0, random.integer(1, badVotes.length));
      const messages = data.map((text) => ({
        data: Buffer.from(text),
        attributes: { function: target, [poisonAttribute]: '1' },
      }));
      // A broker whose disk was full a moment ago may still refuse.
      const ids = await bus.publish(messages, poisonTimeoutMs).catch(() => []);
      ids.forEach(onPoison);
    };
    await bus.untilItAnswers();
    return repeatedly(step, 300);
  },
  signs: ({ target }) => ({
    parts: target === 'submit vote' ? roster.loggers : roster.recorders,
    metrics: /^pollbus_quarantined_total [1-9]/,
    log: /"event":"messages that cannot be processed/,
  }),
};

export const deliveryKinds = [duplicates, reorder, hoarder, slowConsumer, poison];
