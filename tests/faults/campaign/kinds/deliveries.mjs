// Faults of deliveries: messages that come twice, late, in another order or unreadable, and consumers
// that take messages and do nothing with them.

import { setTimeout as sleep } from 'node:timers/promises';

import * as foreign from '../foreign.mjs';
import * as roster from '../roster.mjs';
import { logs, stalled } from './signs.mjs';

const tap = 'faults-tap';
const subscriptions = [
  'election-submit-sub',
  'election-record-sub',
  ...roster.machines.map((name) => `election-result-${roster.numberOf(name)}-sub`),
];
const pollMs = 100;
// How long a pull competes for messages with the service that they are meant for.
const pullMs = 500;
const maxHeldMs = 3_000;
const maxHeld = 500;

// Repeats `step`. Returns a function that stops it and waits for its end.
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

const copyOf = ({ data, attributes }) => ({ data, attributes: { ...attributes, [foreign.attributes.copy]: '1' } });

// Publishes everything on the topic a second or third time, in another order.
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
        .filter(({ attributes }) => Object.values(foreign.attributes).every((mark) => !attributes[mark]));
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
    log: logs('unknownAnswers'),
  }),
};

// A second consumer takes messages and gives them back late, in another order.
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

// A second consumer takes messages, and neither acks them nor gives them back. They are delivered again
// when its leases end.
const hoarder = {
  name: 'hoarding-consumer',
  weight: 3,
  draw: (random) => ({ target: random.pick(subscriptions), durationMs: random.integer(2_000, 4_000) }),
  begin: async ({ bus }, { target }) =>
    repeatedly(() => Promise.all([1, 2, 3].map(() => bus.pull(target, 100, pullMs))), 0),
  signs: () => ({ parts: ['broker'], metrics: /^broker_subscription_expired_total/ }),
};

// A process that runs for only a twentieth of the time.
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
  signs: ({ target }) => stalled([target]),
};

const uuid = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';
const nobody = foreign.forger;
// Long, because the ids of these messages must become known.
const poisonTimeoutMs = 60_000;
// None of these is a vote.
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
  // No other fault may hit the broker, because the ids of these messages must become known.
  locks: () => ['broker', 'poison'],
  async begin({ bus, randomOf, onPoison }, { target, seed }) {
    const random = randomOf(seed);
    const step = async () => {
      const data = random.shuffled(badVotes).slice(0, random.integer(1, badVotes.length));
      const messages = data.map((text) => ({
        data: Buffer.from(text),
        attributes: { function: target, [foreign.attributes.poison]: '1' },
      }));
      // A broker whose disk was full a moment ago may refuse them.
      const ids = await bus.publish(messages, poisonTimeoutMs).catch(() => []);
      ids.forEach(onPoison);
    };
    await bus.untilItAnswers();
    return repeatedly(step, 300);
  },
  signs: ({ target }) => ({
    parts: target === 'submit vote' ? roster.loggers : roster.recorders,
    metrics: /^pollbus_quarantined_total [1-9]/,
    log: logs('quarantined'),
  }),
};

export const deliveryKinds = [duplicates, reorder, hoarder, slowConsumer, poison];
