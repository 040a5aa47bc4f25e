// An attacker who hears every message and has no key publishes forged ones: votes to submit, votes to
// record, answers to machines, and commands of the office. Each must be quarantined and change nothing.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import * as foreign from '../foreign.mjs';
import * as roster from '../roster.mjs';
import { logs } from './signs.mjs';

const everyMs = 300;
const atOnce = 4;
const publishTimeoutMs = 60_000;

// The office signs requests, too, and some of them name no election.
const inOtherElection = (data) => JSON.stringify({ ...JSON.parse(data), election_ID: foreign.forger });
const withUuid = (data, uuid) => data.replace(/"UUID":"[^"]*"/, `"UUID":"${uuid}"`);

// The ways to forge a message, given a genuine one of the same kind: { data, attributes }.
const forgeries = [
  ({ data, attributes: { mac, ...others } }) => ({ data, attributes: others }),
  ({ data, attributes }) => ({ data: withUuid(data, randomUUID()), attributes }),
  ({ data, attributes }) => ({ data, attributes: { ...attributes, mac: attributes.mac.slice(0, 32) } }),
  ({ data, attributes }) => ({ data, attributes: { ...attributes, mac: `${attributes.mac}00` } }),
  ({ data, attributes }) => ({ data, attributes: { ...attributes, mac: '0'.repeat(64) } }),
  ({ data, attributes }) => ({ data: `${data} `, attributes }),
];

// The same for a command of the office.
const officeForgeries = [
  ({ data, attributes: { signature, ...others } }) => ({ data, attributes: others }),
  ({ data, attributes }) => ({ data: `${data} `, attributes }),
  ({ data, attributes }) => ({ data, attributes: { ...attributes, signature: '0'.repeat(128) } }),
  ({ data, attributes }) => ({ data: inOtherElection(data), attributes }),
];

// Tells a machine that its vote is stored.
const falseAnswer = ({ data, attributes }) => ({
  data: JSON.stringify({ result: 'successful', UUID: JSON.parse(data).UUID }),
  attributes: { function: 'result', machineID: attributes.machineID, mac: attributes.mac },
});

// `genuine`: the messages of one function that were heard last.
export function forge(random, functionName, genuine) {
  const message = random.pick(genuine);
  if (functionName === 'result') return falseAnswer(message);
  if (functionName === 'office command') return random.pick(officeForgeries)(message);
  return random.pick(forgeries)(message);
}

const forgedMessages = {
  name: 'forged-messages',
  weight: 4,
  draw: (random) => ({
    target: random.pick(['submit vote', 'record vote', 'result', 'office command']),
    durationMs: random.integer(1_000, 3_000),
    seed: random.integer(0, 1e9),
  }),
  // The ids of these messages must become known.
  locks: () => ['broker', 'poison'],
  async begin(system, { target, seed }) {
    const random = system.randomOf(seed);
    const { bus } = system;
    await bus.untilItAnswers();
    // A false answer is made from the vote that it answers.
    const source = target === 'result' ? 'submit vote' : target;
    let isOver = false;
    const done = (async () => {
      while (!isOver) {
        const genuine = system.witness.heard(source);
        const count = genuine.length > 0 ? atOnce : 0;
        const messages = Array.from({ length: count }, () => forge(random, target, genuine)).map(
          ({ data, attributes }) => ({
            data: Buffer.from(data),
            attributes: { ...attributes, [foreign.attributes.forged]: '1' },
          }),
        );
        const ids = messages.length > 0 ? await bus.publish(messages, publishTimeoutMs).catch(() => []) : [];
        ids.forEach(system.onPoison);
        await sleep(everyMs);
      }
    })();
    return async () => {
      isOver = true;
      await done;
    };
  },
  signs: ({ target }) => ({
    parts: {
      'submit vote': roster.loggers,
      'record vote': roster.recorders,
      result: roster.machines,
      'office command': roster.services,
    }[target],
    metrics: /^pollbus_not_authenticated_total\{[^}]*\} [1-9]/,
    log: logs('quarantined'),
  }),
};

export const forgeryKinds = [forgedMessages];
