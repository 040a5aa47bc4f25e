// A PostgreSQL server with the recorder's schema, and an election board that reads it as the role
// pollbus_results. Elections, events and votes are put into the tables directly, because the board
// knows nothing but them. How they get there is tested in tests/integration.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Part } from '../../scripts/local.d/part.mjs';
import { reservePort, somebodyListens } from '../../scripts/local.d/ports.mjs';
import { PostgresClient } from '../../scripts/local.d/stores.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/release/bin');
const password = 'board-test';
const zeros = '0'.repeat(64);

// RFC 8785 for objects of texts, integers, lists and booleans.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${fields.join(',')}}`;
}

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

export class BoardPlace {
  static async start() {
    const place = new BoardPlace();
    place.folder = mkdtempSync(join(tmpdir(), 'board-'));
    await place.startPostgres();
    await place.startBoard();
    return place;
  }

  async startPostgres() {
    const { port, release } = await reservePort();
    this.port = port;
    this.client = new PostgresClient({ port, user: 'admin', database: 'election', password });
    await release();
    this.postgres = new Part({
      name: 'PostgreSQL',
      log: join(this.folder, 'postgres.log'),
      command: [join(root, 'scripts/local-postgres'), join(this.folder, 'postgres'), String(port)],
      env: { POSTGRES_PASSWORD: password },
      answers: () => this.client.answers(),
      stopSignal: 'SIGINT',
    }).start();
    await this.postgres.ready();
    await this.query(`CREATE ROLE pollbus_results LOGIN PASSWORD '${password}'`);
    // voting-recorder --migrate keeps this table.
    await this.query('CREATE TABLE schema_migrations (version integer, name text, checksum text)');
    const files = readdirSync(join(root, 'sql')).filter((name) => name.endsWith('.sql')).sort();
    for (const name of files) await this.query(readFileSync(join(root, 'sql', name), 'utf8'));
  }

  // `status` is that of the board's first page: 503 without a database.
  async startBoard(status = 200) {
    const [pages, health] = [await reservePort(), await reservePort()];
    this.address = `http://127.0.0.1:${pages.port}`;
    this.health = `http://127.0.0.1:${health.port}`;
    await pages.release();
    await health.release();
    this.board = new Part({
      name: 'election-board',
      log: join(this.folder, 'board.log'),
      command: [join(programs, 'election-board')],
      env: {
        BOARD_LISTEN: `127.0.0.1:${pages.port}`, HTTP_PORT: String(health.port), POSTGRES_HOST: '127.0.0.1',
        POSTGRES_PORT: String(this.port), POSTGRES_USER: 'pollbus_results', POSTGRES_PASSWORD: password,
      },
      answers: async () =>
        (await somebodyListens(pages.port)) && (await fetch(`${this.address}/`)).status === status,
    }).start();
    await this.board.ready();
  }

  async stop() {
    await this.board?.stop();
    await this.stopPostgres();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async stopPostgres() {
    await this.postgres?.stop();
    this.postgres = undefined;
  }

  query(sql) {
    return this.client.query(sql);
  }

  // Defines an election; returns it for the other functions.
  async define(fields) {
    const definition = {
      event: 'City elections 2026', time_zone: 'America/Toronto', eligibility: 'open', results: 'after close',
      ...fields,
    };
    const election = { id: definition.election_ID, definition, sequence: 0, previous: zeros, phase: 'defined' };
    await this.add(election, 'define', { definition });
    return election;
  }

  // Adds an event. The phase is the one that the event leads to.
  async add(election, kind, fields = {}, phase = election.phase) {
    const { definition } = election;
    election.phase = phase;
    const data = canonical({
      election_ID: election.id, sequence: ++election.sequence, previous: election.previous, kind,
      time: new Date().toISOString().replace(/\.\d+Z/, 'Z'), ...fields,
    });
    election.previous = createHash('sha256').update(data).digest('hex');
    const event = {
      electionid: election.id, sequence: election.sequence, kind, data, signature: '0'.repeat(128),
      hash: election.previous,
    };
    const state = {
      electionid: election.id, event: definition.event, phase, is_live: definition.results === 'live',
      is_test: definition.test ?? false, sequence: election.sequence,
    };
    const sql = [event, state].map((each) => `${quoted(JSON.stringify(each))}::jsonb`).join(', ');
    const marks = fields.marks ?? 'NULL';
    const tally = quoted(JSON.stringify(fields.tally ?? []));
    const [[refusal] = ['']] = await this.query(`SELECT apply_event(${sql}, ${marks}, ${tally}::jsonb)`);
    assert.equal(refusal, '');
  }

  open(election) {
    return this.add(election, 'open', {}, 'open');
  }

  close(election) {
    return this.add(election, 'close', {}, 'closed');
  }

  // Seals and certifies what is stored.
  async certify(election) {
    const counts = await this.query(
      `SELECT voting, count(*) FROM votes WHERE electionid = ${election.id} GROUP BY 1`);
    const votes = new Map(counts.map(([voting, count]) => [Number(voting), Number(count)]));
    const tally = election.definition.choices.map(({ voting }) => ({ voting, votes: votes.get(voting) ?? 0 }));
    const marks = tally.reduce((sum, each) => sum + each.votes, 0);
    await this.add(election, 'seal', { marks }, 'sealed');
    await this.add(election, 'certify', { marks, tally }, 'certified');
  }

  // Stores votes of one machine; `votes` is a list by choice.
  vote(election, votes, machine = 1) {
    const rows = votes.map((count, choice) =>
      `SELECT gen_random_uuid(), ${election.id}, ${machine}, ${choice} FROM generate_series(1, ${count})`);
    return this.query(`INSERT INTO votes (id, electionid, machineid, voting) ${rows.join(' UNION ALL ')}`);
  }

  // Spreads the votes of an election over the last hours, as on a day of voting.
  spread(election, hours) {
    const minutes = hours * 60;
    return this.query(`
      WITH gone AS (DELETE FROM turnout WHERE electionid = ${election.id} RETURNING votes),
           total AS (SELECT sum(votes) AS n FROM gone),
           minutes AS (SELECT i, 1 + sin(pi() * i / ${minutes}) AS weight FROM generate_series(1, ${minutes}) AS i),
           shares AS (SELECT i, sum(weight) OVER (ORDER BY i) / sum(weight) OVER () AS share FROM minutes),
           counts AS (SELECT i, round((n * share)::numeric) - lag(round((n * share)::numeric), 1, 0) OVER (ORDER BY i) AS votes
                      FROM shares, total)
      INSERT INTO turnout (electionid, minute, slot, votes)
        SELECT ${election.id}, date_trunc('minute', now()) - make_interval(mins => ${minutes} - i), 1, votes::bigint
        FROM counts WHERE votes > 0`);
  }
}
