// Reads what the stores hold when the election is over, as evidence (tests/faults/README.md).

import { createWriteStream } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';

const scanCount = '1000';

// A Redis client for binary values (https://redis.io/docs/latest/develop/reference/protocol-spec/). It
// sends one command at a time. A reply is a Buffer, an array of replies, or null.
export class RedisConnection {
  constructor({ host, port, password }) {
    this.socket = connect({ host, port });
    this.received = Buffer.alloc(0);
    this.password = password;
  }

  async open() {
    await once(this.socket, 'connect');
    // Rejects when the server goes away in the middle of a reply.
    this.closed = once(this.socket, 'close').then(() => {
      throw new Error('Redis: the connection is closed');
    });
    this.closed.catch(() => {});
    await this.call('AUTH', this.password);
  }

  async call(...words) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.socket.write(`*${words.length}\r\n${parts.join('')}`);
    for (;;) {
      const reply = parseReply(this.received, 0);
      if (reply) {
        this.received = this.received.subarray(reply.end);
        return reply.value;
      }
      const [bytes] = await Promise.race([once(this.socket, 'data'), this.closed]);
      this.received = Buffer.concat([this.received, bytes]);
    }
  }

  close() {
    this.socket.destroy();
  }
}

// Returns { value, end }, or undefined if the reply is not complete yet.
export function parseReply(bytes, at) {
  const line = bytes.indexOf('\r\n', at);
  if (line < 0) return undefined;
  const text = bytes.toString('latin1', at + 1, line);
  const next = line + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
    case ':':
      return { value: Buffer.from(text), end: next };
    case '-':
      throw new Error(`Redis: ${text.split(' ')[0]}`);
    case '$': {
      const size = Number(text);
      if (size < 0) return { value: null, end: next };
      return bytes.length < next + size + 2
        ? undefined
        : { value: bytes.subarray(next, next + size), end: next + size + 2 };
    }
    case '*': {
      const values = [];
      let end = next;
      for (let i = 0; i < Number(text); i++) {
        const element = parseReply(bytes, end);
        if (!element) return undefined;
        values.push(element.value);
        end = element.end;
      }
      return { value: values, end };
    }
    default:
      throw new Error('Redis broke the protocol');
  }
}

async function* marks(redis, election) {
  const prefix = `voted:${election}:`;
  const seen = new Set();
  let cursor = '0';
  do {
    const [next, keys] = await redis.call('SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', scanCount, 'TYPE', 'string');
    cursor = next.toString();
    const fresh = keys.map(String).filter((key) => !seen.has(key));
    for (const key of fresh) seen.add(key);
    const values = fresh.length === 0 ? [] : await redis.call('MGET', ...fresh);
    for (const [i, key] of fresh.entries()) {
      yield {
        event: 'mark',
        election,
        voter: Number(key.slice(prefix.length)),
        fingerprint: values[i].toString('hex'),
      };
    }
  } while (cursor !== '0');
}

async function* ballots(postgres) {
  const counts =
    'SELECT electionid, machineid, voting, count(*) FROM votes GROUP BY 1, 2, 3 ORDER BY 1, 2, 3';
  for (const [election, machine, choice, count] of await postgres.query(counts)) {
    yield {
      event: 'rows',
      election: Number(election),
      machine: Number(machine),
      choice: Number(choice),
      count: Number(count),
    };
  }
  const receipts = "SELECT electionid, encode(receipt, 'hex') FROM receipts ORDER BY receipt";
  for (const [election, receipt] of await postgres.query(receipts)) {
    yield { event: 'receipt', election: Number(election), receipt };
  }
}

async function write(file, source) {
  const out = createWriteStream(file, { mode: 0o600 });
  try {
    for await (const line of source) {
      if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, 'drain');
    }
  } finally {
    out.end();
  }
  await once(out, 'close');
}

export async function withRedis(redis, use) {
  const connection = new RedisConnection(redis);
  await connection.open();
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

// Writes the marks of all servers to `file` as evidence. `redis`: [{ host, port, password }].
export async function dumpMarks({ file, redis, election }) {
  async function* all() {
    for (const server of redis) yield* await withRedis(server, (connection) => collect(marks(connection, election)));
  }
  await write(file, all());
}

async function collect(source) {
  const items = [];
  for await (const item of source) items.push(item);
  return items;
}

// Writes receipts and rows to `file` as evidence. `postgres`: a PostgresClient.
export async function dumpBallots({ file, postgres }) {
  await write(file, ballots(postgres));
}

// As an operator does who wants to seal the election in spite of votes that PostgreSQL has refused:
// removes the marks of their voters.
export async function removeMarks({ redis, election, voters }) {
  for (const server of redis) await withRedis(server, (connection) => removeMarksFrom(connection, election, voters));
}

// Another server than the voter's has no mark, but may have something else under the key.
async function removeMarksFrom(connection, election, voters) {
  let removed = 0;
  await connection.call('SELECT', '0');
  for (const voter of voters) {
    const key = `voted:${election}:${voter}`;
    if (String(await connection.call('TYPE', key)) === 'string') removed += Number(await connection.call('DEL', key));
  }
  await connection.call('SELECT', '1');
  await connection.call('HINCRBY', 'pollbus:marks', String(election), String(-removed));
}
