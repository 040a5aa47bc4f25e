// Queries a local Redis and PostgreSQL with their own command-line clients. Passwords are passed in
// the environment, never on the command line.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { baseEnvironment } from './part.mjs';
import { somebodyListens } from './ports.mjs';

const run = promisify(execFile);
const timeoutMs = 60_000;
const maxAnswerBytes = 256 * 1024 * 1024;

export class RedisClient {
  // Without `user`, the password is that of the default user.
  constructor(port, password, host = '127.0.0.1', user = undefined) {
    Object.assign(this, { port, host });
    this.command = ['redis-cli', '-h', host, '-p', String(port), ...(user ? ['--user', user] : [])];
    this.env = { ...baseEnvironment(), REDISCLI_AUTH: password };
  }

  async answers() {
    if (!(await somebodyListens(this.port, this.host))) return false;
    const [program, ...args] = [...this.command, 'PING'];
    const result = await run(program, args, { env: this.env, timeout: timeoutMs }).catch(() => undefined);
    return result?.stdout.trim() === 'PONG';
  }

  // The number of different keys that match. A scan may return a key twice, so sort(1) counts: it does
  // so for any number, which a Set, with at most 2^24 elements, does not.
  async countKeys(pattern) {
    const [program, ...args] = [...this.command, '--scan', '--pattern', pattern];
    const count = 'set -o pipefail; "$@" | LC_ALL=C sort -u | wc -l';
    const { stdout } = await run('bash', ['-c', count, 'count', program, ...args], { env: this.env });
    return Number(stdout);
  }
}

export class PostgresClient {
  constructor({ host = '127.0.0.1', port, user, database, password }) {
    Object.assign(this, { port, host });
    this.address = ['-h', host, '-p', String(port), '-U', user, '-d', database];
    this.env = { ...baseEnvironment(), PGPASSWORD: password, PGCONNECT_TIMEOUT: '5' };
  }

  async answers() {
    if (!(await somebodyListens(this.port, this.host))) return false;
    return (await this.query('SELECT 1').catch(() => undefined)) !== undefined;
  }

  // Runs one statement. Returns its rows as lists of texts.
  async query(sql) {
    const args = [...this.address, '-X', '-q', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-c', sql];
    const { stdout } = await run('psql', args, {
      env: this.env,
      timeout: timeoutMs,
      maxBuffer: maxAnswerBytes,
    });
    return stdout.split('\n').filter((line) => line !== '').map((line) => line.split('\t'));
  }

  // Returns { rows, tally: { election: { choice: votes } } }.
  async countVotes() {
    const sql = 'SELECT electionid, voting, count(*) FROM votes GROUP BY 1, 2 ORDER BY 1, 2';
    const tally = {};
    let rows = 0;
    for (const [election, choice, votes] of await this.query(sql)) {
      (tally[election] ??= {})[choice] = Number(votes);
      rows += Number(votes);
    }
    return { rows, tally };
  }
}
