// Makes stores refuse single votes for good, and tells the checker which votes may be refused.

import { setTimeout as sleep } from 'node:timers/promises';

import { withRedis } from './dump.mjs';

const againMs = 200;
const maxTries = 150;

// Another fault may have hit the store a moment ago: repeats `work`, which must be repeatable, until it
// succeeds. Throws the last error after `maxTries`.
async function insist(work) {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === maxTries) throw error;
      await sleep(againMs);
    }
  }
}

const trigger = `
CREATE OR REPLACE FUNCTION faults_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused by a fault'; END $$`;

export class Refusals {
  // `redis`: [{ host, port, password }]; `postgres`: a PostgresClient; `tell(event)` gets evidence.
  constructor({ election, redis, postgres, tell }) {
    Object.assign(this, { election, redis, postgres, tell });
    this.takenVoters = new Set();
    this.refusedRows = [];
    this.refusableVotes = new Set();
    this.votes = new Map(); // { voter, machine, choice } by UUID, of all votes
    this.messages = new Map(); // message ids by UUID, of all votes
  }

  // Only voters without a mark are taken: RPUSH fails where the key holds a mark.
  async voters(voters) {
    for (const voter of voters) this.takenVoters.add(voter);
    this.tellAgain();
    await insist(() => this.takeAll(voters));
  }

  // On all servers, because each asks only for its own voters.
  async takeAll(voters) {
    for (const server of this.redis) {
      await withRedis(server, async (connection) => {
        for (const voter of voters) await this.take(connection, voter);
      });
    }
  }

  async take(connection, voter) {
    try {
      await connection.call('RPUSH', `voted:${this.election}:${voter}`, 'taken');
    } catch (error) {
      if (!/WRONGTYPE/.test(error.message)) throw error;
    }
  }

  // The rows of votes that are stored already are not inserted again, so they are not refused.
  async rows(machine, choice) {
    this.refusedRows.push({ machine, choice });
    this.tellAgain();
    const name = `faults_refuse_${this.refusedRows.length}`;
    await insist(async () => {
      await this.postgres.query(trigger);
      await this.postgres.query(
        `CREATE OR REPLACE TRIGGER ${name} BEFORE INSERT ON votes FOR EACH ROW
         WHEN (NEW.machineid = ${machine} AND NEW.voting = ${choice}) EXECUTE FUNCTION faults_refuse()`,
      );
    });
  }

  // Removes the triggers, as an operator does before the election is sealed, because a seal inserts all
  // rows anew.
  async accept() {
    for (let i = 1; i <= this.refusedRows.length; i++)
      await this.postgres.query(`DROP TRIGGER IF EXISTS faults_refuse_${i} ON votes`);
  }

  // Takes note of a message of a vote. `vote` is missing for a record vote.
  onMessage({ messageId, uuid, vote }) {
    if (vote) this.votes.set(uuid, vote);
    this.messages.set(uuid, [...(this.messages.get(uuid) ?? []), messageId]);
    if (this.mayBeRefused(uuid)) this.tellOf(uuid, [messageId]);
  }

  mayBeRefused(uuid) {
    const vote = this.votes.get(uuid);
    if (!vote) return false;
    const isRefusedRow = ({ machine, choice }) => machine === vote.machine && choice === vote.choice;
    return this.takenVoters.has(vote.voter) || this.refusedRows.some(isRefusedRow);
  }

  // Votes under way may be refused by what was just set up.
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
