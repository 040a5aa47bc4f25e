// Makes stores refuse single votes for good, and tells the checker which votes may be refused.

import { createHash } from 'node:crypto';

import { RedisConnection } from './dump.mjs';

const trigger = `
CREATE OR REPLACE FUNCTION faults_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused by a fault'; END $$`;

// The receipt of a vote as recorders store it (src/election/receipt.h).
export function receiptOf(election, uuid) {
  return createHash('sha256').update(`pollbus receipt ${election} ${uuid}`).digest().subarray(0, 16);
}

export class Refusals {
  // `redis`: { host, port, password }; `postgres`: a PostgresClient; `tell(event)` gets evidence.
  constructor({ election, redis, postgres, tell }) {
    Object.assign(this, { election, redis, postgres, tell });
    this.takenVoters = new Set();
    this.ranges = [];
    this.refusableVotes = new Set();
    this.votes = new Map(); // voter by UUID, of all votes
    this.messages = new Map(); // message ids by UUID, of all votes
  }

  // Only voters without a mark are taken: RPUSH fails where the key holds a mark.
  async voters(voters) {
    for (const voter of voters) this.takenVoters.add(voter);
    this.tellAgain();
    const connection = new RedisConnection(this.redis);
    await connection.open();
    try {
      for (const voter of voters) await this.take(connection, voter);
    } finally {
      connection.close();
    }
  }

  async take(connection, voter) {
    try {
      await connection.call('RPUSH', `voted:${this.election}:${voter}`, 'taken');
    } catch (error) {
      if (!/WRONGTYPE/.test(error.message)) throw error;
    }
  }

  async receipts(least, most) {
    this.ranges.push([least, most]);
    this.tellAgain();
    await this.postgres.query(trigger);
    await this.postgres.query(
      `CREATE TRIGGER faults_refuse_${this.ranges.length} BEFORE INSERT ON receipts FOR EACH ROW
       WHEN (get_byte(NEW.receipt, 0) BETWEEN ${least} AND ${most}) EXECUTE FUNCTION faults_refuse()`,
    );
  }

  // Every message of a vote that the witness sees. `voter` is missing in a record vote.
  onMessage({ messageId, uuid, voter }) {
    if (voter !== undefined) this.votes.set(uuid, voter);
    this.messages.set(uuid, [...(this.messages.get(uuid) ?? []), messageId]);
    if (this.mayBeRefused(uuid)) this.tellOf(uuid, [messageId]);
  }

  mayBeRefused(uuid) {
    if (this.takenVoters.has(this.votes.get(uuid))) return true;
    if (this.ranges.length === 0) return false;
    const first = receiptOf(this.election, uuid)[0];
    return this.ranges.some(([least, most]) => first >= least && first <= most);
  }

  // Votes on their way may be refused by what was just set up.
  tellAgain() {
    for (const [uuid, ids] of this.messages) {
      if (this.mayBeRefused(uuid) && !this.refusableVotes.has(uuid)) this.tellOf(uuid, ids);
    }
  }

  tellOf(uuid, messageIds) {
    if (!this.refusableVotes.has(uuid)) this.tell({ event: 'refusable', uuid });
    this.refusableVotes.add(uuid);
    for (const id of messageIds) this.tell({ event: 'refusable', id });
  }
}
