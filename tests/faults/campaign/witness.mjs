// Watches the topic through a subscription without a filter, and reports what becomes of each vote:
// the evidence does not depend on what the programs under test say about themselves.

import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { attributes as marks, forger } from './foreign.mjs';
import { parseVote } from './journals.mjs';

const subscription = 'faults-witness-sub';
const maxMessages = 1_000;
const pollMs = 50;
const hourMs = 3_600_000;
const clockNoiseMs = 100;
// So many messages of each function are remembered.
const maxHeard = 20;
// When this many pulls in a row return nothing, every message has been seen.
const emptyPulls = 10;

// Stands for a voter in evidence that also holds the choice. The checker computes the same hash
// (tests/faults/checker/pseudonym.h).
export function pseudonymOf(keyHex, election, voter) {
  return createHmac('sha256', Buffer.from(keyHex, 'hex'))
    .update(`voter ${election} ${voter}`)
    .digest('hex')
    .slice(0, 32);
}

// When a message reached the broker, on the clock of the evidence. The witness may see it much later. Faults
// move the broker's wall clock by whole hours.
function publishedUs({ seconds, nanos }) {
  const lagMs = Date.now() - (Number(seconds) * 1_000 + nanos / 1e6);
  const withinHourMs = ((lagMs % hourMs) + hourMs) % hourMs;
  // A clock that differs by less than a moment is no lag.
  const lag = withinHourMs > hourMs - clockNoiseMs ? 0 : withinHourMs;
  return Number(process.hrtime.bigint() / 1_000n) - Math.round((lag + clockNoiseMs) * 1_000);
}

export class Witness {
  // `tell(event)` gets events as tests/faults/README.md defines them, without a time.
  // `onMessage({ messageId, uuid, vote })` gets every message of a vote, also copies; `vote` is missing for
  // a record vote. `report(text)` gets what must never happen.
  constructor({ bus, pseudonymKey, tell, onMessage = () => {}, report }) {
    Object.assign(this, { bus, pseudonymKey, tell, onMessage, report });
    this.seenMessages = new Set();
    this.seenVotes = new Set();
    this.seenAnswers = new Set();
    this.isOver = false;
    this.lastMessages = new Map(); // by function
  }

  // The last messages of the election with this function: [{ data, attributes }].
  heard(functionName) {
    return this.lastMessages.get(functionName) ?? [];
  }

  // Creates the subscription. Call it before the first vote is cast.
  async start() {
    await this.bus.insist(this.bus.subscriber, 'createSubscription', {
      name: this.bus.path('subscriptions', subscription),
      topic: this.bus.path('topics', this.bus.topic),
      ackDeadlineSeconds: 10,
    });
    this.done = this.run();
  }

  async run() {
    let empty = 0;
    while (!this.isOver || empty < emptyPulls) {
      const received = await this.bus.pull(subscription, maxMessages);
      for (const { message } of received) this.see(message);
      await this.bus.ack(
        subscription,
        received.map(({ ackId }) => ackId),
      );
      empty = received.length === 0 ? empty + 1 : 0;
      if (received.length === 0) await pause(pollMs);
    }
  }

  // Returns when every message on the topic has been seen. The broker must be up.
  async drain() {
    this.isOver = true;
    await this.done;
  }

  see({ messageId, data, attributes, publishTime }) {
    if (this.seenMessages.has(messageId)) return;
    this.seenMessages.add(messageId);
    if (attributes[marks.poison] || attributes[marks.forged]) return;
    const text = data.toString();
    const isCopy = attributes[marks.copy] !== undefined;
    if (!isCopy) this.remember(text, attributes);
    if (attributes.function === 'submit vote') this.seeVote(messageId, text, isCopy, publishTime);
    if (attributes.function === 'record vote') this.seeRecord(messageId, text);
    if (attributes.function === 'result' && !isCopy) this.seeAnswer(Number(attributes.machineID), text);
  }

  remember(data, attributes) {
    const last = [...this.heard(attributes.function), { data, attributes }].slice(-maxHeard);
    this.lastMessages.set(attributes.function, last);
  }

  seeVote(messageId, text, isCopy, publishTime) {
    const vote = parseVote(text);
    if (!vote) return this.report('a machine published a message that is not a vote');
    const { uuid, election, machine, voter, choice } = vote;
    this.onMessage({ messageId, uuid, vote });
    if (isCopy) return undefined;
    const published_us = publishedUs(publishTime);
    if (this.seenVotes.has(uuid)) return this.tell({ event: 'republished', machine, uuid, published_us });
    this.seenVotes.add(uuid);
    const pseudonym = this.pseudonym(election, voter);
    return this.tell({ event: 'cast', election, machine, uuid, voter: pseudonym, choice, published_us });
  }

  pseudonym(election, voter) {
    return pseudonymOf(this.pseudonymKey, election, voter);
  }

  // What loggers forward must not tell who voted, or when.
  seeRecord(messageId, text) {
    const record = JSON.parse(text);
    if ('voter_ID' in record || 'timestamp' in record) this.report('a record vote names the voter or the time');
    this.onMessage({ messageId, uuid: String(record.UUID).toLowerCase() });
  }

  seeAnswer(machine, text) {
    const { UUID, result, reason } = JSON.parse(text);
    // The answer to a machine that asked for its election, and not to a vote.
    if (result === 'definition') return;
    if (machine === forger) {
      if (result === 'successful') this.tell({ event: 'forged success', uuid: String(UUID).toLowerCase() });
      return;
    }
    const uuid = String(UUID).toLowerCase();
    const ends = !this.seenAnswers.has(uuid);
    this.seenAnswers.add(uuid);
    this.tell({ event: 'answered', machine, uuid, result, ends, ...(reason && { reason }) });
  }
}
