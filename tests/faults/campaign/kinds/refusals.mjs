// Faults that no retry repairs: a store refuses single votes for good, or a different vote comes under a
// known UUID. What they leave in the stores stays until the end of the election, because a vote that was
// rejected must not be accepted later.

import { macOf } from '../../../support/authentication.mjs';
import * as foreign from '../foreign.mjs';
import * as roster from '../roster.mjs';
import { logs } from './signs.mjs';

const durationMs = [4_000, 7_000];
// The share of voters whose keys are taken. The fault shows when one of them votes.
const sharePerMille = 40;
const forgeEveryMs = 300;
const forgedAtOnce = 3;
const publishTimeoutMs = 60_000;

// The keys of voters who have not voted hold a list, so that these voters cannot be marked.
const takenKeys = {
  name: 'taken-keys',
  weight: 2,
  draw: (random) => ({
    target: 'redis',
    durationMs: random.integer(...durationMs),
    seed: random.integer(0, 1e9),
  }),
  async begin(system, { seed }) {
    const random = system.randomOf(seed);
    const voters = system.load.voters;
    const count = Math.ceil((voters * sharePerMille) / 1_000);
    const drawn = new Set(Array.from({ length: count }, () => random.integer(0, voters - 1)));
    await system.refuse.voters(drawn);
    return async () => {};
  },
  signs: () => ({
    parts: roster.loggers,
    metrics: /^pollbus_votes_total\{outcome="refused"\} [1-9]/,
    log: logs('quarantined'),
  }),
};

// A trigger refuses the rows of one machine's votes for one choice.
const refusedRows = {
  name: 'refused-rows',
  weight: 2,
  draw: (random) => ({
    target: 'postgres',
    durationMs: random.integer(...durationMs),
    machine: roster.numberOf(random.pick(roster.machines)),
    choice: random.integer(0, roster.choices - 1),
  }),
  async begin(system, { machine, choice }) {
    await system.refuse.rows(machine, choice);
    return async () => {};
  },
  signs: () => ({
    parts: roster.recorders,
    metrics: /^pollbus_votes_total\{outcome="refused"\} [1-9]/,
    log: logs('quarantined'),
  }),
};

// As a logger that was taken over, publishes different votes under the UUIDs of votes that are stored.
const forgedVotes = {
  name: 'forged-votes',
  weight: 2,
  draw: (random) => ({ target: 'record vote', durationMs: random.integer(1_000, 2_000), seed: random.integer(0, 1e9) }),
  // The ids of these messages must become known.
  locks: () => ['broker', 'poison'],
  async begin(system, { seed }) {
    const random = system.randomOf(seed);
    const { bus } = system;
    await bus.untilItAnswers();
    let isOver = false;
    const done = (async () => {
      while (!isOver) {
        const stored = system.storedVotes();
        const messages = Array.from({ length: stored.length > 0 ? forgedAtOnce : 0 }, () => {
          const { uuid, choice } = random.pick(stored);
          const record = { machine_ID: foreign.forger, voting: choice + 1, election_ID: system.electionId, UUID: uuid };
          const data = JSON.stringify(record);
          const mac = macOf(Buffer.from(system.secrets.RECORD_KEY, 'hex'), { functionName: 'record vote', data });
          return {
            data: Buffer.from(data),
            attributes: { function: 'record vote', mac, [foreign.attributes.forged]: '1' },
          };
        });
        const ids = messages.length > 0 ? await bus.publish(messages, publishTimeoutMs).catch(() => []) : [];
        // Each must be quarantined, like a bad message.
        ids.forEach(system.onPoison);
        await new Promise((resolve) => setTimeout(resolve, forgeEveryMs));
      }
    })();
    return async () => {
      isOver = true;
      await done;
    };
  },
  signs: () => ({
    parts: roster.recorders,
    metrics: /^pollbus_votes_total\{outcome="uuid reused"\} [1-9]/,
    log: logs('quarantined'),
  }),
};

export const refusalKinds = [takenKeys, refusedRows, forgedVotes];
