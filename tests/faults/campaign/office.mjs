// The office of the election: defines it, opens it, pauses, resumes and extends it while faults happen,
// closes it or lets the clock close it, seals and certifies it with the real election-office, which is
// killed now and then and run again.

import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { baseEnvironment } from '../../../scripts/local.d/part.mjs';
import { deriveKey } from '../../support/authentication.mjs';
import { Random } from './random.mjs';
import * as roster from './roster.mjs';

const officeIdentity = 2 ** 53;
const retryPauseMs = 500;
const insistMs = 240_000;
// How often a run of the tool is killed, and after how long at most.
const killed = 0.3;
const mostMsUntilKill = 400;
// No campaign lasts until the election closes by itself, unless the clock of Redis is moved.
const daysUntilClosing = 30;
const closedByClock = 0.5;
const exitCodes = { done: 0, refused: 1, wrongUse: 2 };

// A time of the definition, in UTC, so many minutes after the first closing time.
const localTime = (closing, minutes) => new Date(closing + minutes * 60_000).toISOString().slice(0, 16);

const nowUs = () => Number(process.hrtime.bigint() / 1_000n);

export class Office {
  constructor({ system, programs, folder, seed }) {
    Object.assign(this, { system, programs, random: new Random(`office ${seed}`) });
    this.folder = join(folder, 'office');
    this.log = join(folder, 'logs', 'office.log');
    mkdirSync(this.folder, { mode: 0o700 });
    this.isOver = false;
    this.runs = 0;
    this.kills = 0;
    this.pauses = 0;
    const random = new Random(`closing ${seed}`);
    this.isClosedByClock = !system.abilities.redisClock && random.chance(closedByClock);
    this.closing = Date.now() + daysUntilClosing * 86_400_000;
  }

  async start() {
    this.node = await this.system.network.addNode('office');
    await this.insist(['keygen'], { isKilled: false });
    const publicKey = readFileSync(join(this.folder, 'office', 'office.pub'), 'utf8').trim();
    this.system.environments.officePublicKey = publicKey;
  }

  environment() {
    const { addresses, environments, secrets } = this.system;
    const key = Buffer.from(secrets.RESULT_KEY, 'hex');
    const bus = addresses.broker ? environments.bus('office') : {};
    return { ...bus, OFFICE_RESULT_KEY: deriveKey(key, 'pollbusR', officeIdentity).toString('hex') };
  }

  // Runs the tool once. Returns { code, text }; the code of a tool that was killed is null.
  async run(words, { killAfterMs } = {}) {
    const flags = ['--office', join(this.folder, 'office'), '--json'];
    const [program, ...rest] = this.node.wrap([join(this.programs, 'election-office'), ...words, ...flags]);
    const child = spawn(program, rest, {
      env: { ...baseEnvironment(), ...this.environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    let errors = '';
    child.stdout.on('data', (bytes) => (text += bytes));
    child.stderr.on('data', (bytes) => (errors += bytes));
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    const code = await new Promise((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    this.runs++;
    if (code === null) this.kills++;
    appendFileSync(this.log, `${words.join(' ')}: ${code ?? 'killed'}: ${text.trim()} ${errors.trim()}\n`);
    return { code, text: code === exitCodes.done ? text : text + errors };
  }

  // Runs the command until it says that it is done, and returns what it prints. `mayRefuse`: a refusal ends
  // it too, with undefined.
  async insist(words, { isKilled = this.random.next() < killed, mayRefuse = false } = {}) {
    const deadline = Date.now() + insistMs;
    let last;
    while (Date.now() < deadline) {
      const killAfterMs = isKilled ? this.random.integer(1, mostMsUntilKill) : undefined;
      isKilled = false;
      last = await this.run(words, { killAfterMs });
      if (last.code === exitCodes.done) return last.text;
      if (last.code === exitCodes.refused && mayRefuse) return undefined;
      if (last.code === exitCodes.wrongUse) break;
      await sleep(retryPauseMs);
    }
    throw new Error(`election-office ${words.join(' ')} was not done within ${insistMs / 1_000} s: ${last?.text}`);
  }

  // Takes the election one step further, and notes it for the checker.
  async step(words, isOpen) {
    const begun_us = nowUs();
    const text = await this.insist(words);
    this.noteStep(begun_us, isOpen);
    return text;
  }

  noteStep(begun_us, isOpen) {
    const line = { event: 'step', election: this.system.electionId, begun_us, is_open: isOpen };
    appendFileSync(this.system.evidenceFile('life'), `${JSON.stringify({ ...line, t_us: nowUs() })}\n`);
  }

  // The mailing list, from which the machines take voters and their codes.
  get codes() {
    return join(this.folder, 'codes.csv');
  }

  // Every voter is on the roll and has a code, so that each vote may count.
  async define(voters) {
    const { electionId } = this.system;
    const choices = Array.from({ length: roster.choices }, (_, i) => ({ voting: i, name: { en: `Choice ${i}` } }));
    const definition = {
      election_ID: electionId,
      event: 'Faults',
      title: { en: 'Faults' },
      choices,
      closes: localTime(this.closing, 0),
      time_zone: 'UTC',
      eligibility: 'codes',
    };
    const file = join(this.folder, 'election.json');
    writeFileSync(file, JSON.stringify(definition));
    const roll = join(this.folder, 'roll.csv');
    writeFileSync(roll, `voter_ID\n${Array.from({ length: voters }, (_, i) => `${i}\n`).join('')}`);
    await this.step(['define', file], false);
    await this.step(['roll', 'import', roll], false);
    await this.insist(['roll', 'codes', '--out', this.codes]);
  }

  open() {
    return this.step(['open'], true);
  }

  // Pauses, resumes and extends the election again and again, until end().
  async interruptVoting({ everyMs, forMs }) {
    while (!this.isOver) {
      await sleep(this.random.integer(everyMs / 2, everyMs));
      if (this.isOver) return;
      await this.step(['pause'], false);
      this.pauses++;
      await sleep(forMs);
      await this.step(['resume'], true);
      await this.insist(['extend', localTime(this.closing, this.pauses)]);
    }
  }

  end() {
    this.isOver = true;
  }

  // By command; or by the clock of Redis, which passes the closing time while all other clocks stay far
  // before it.
  async close() {
    if (!this.isClosedByClock) return this.step(['close', '--yes'], false);
    const begun_us = nowUs();
    const closing = this.closing + this.pauses * 60_000;
    this.system.environments.moveRedisClock(Math.ceil((closing - Date.now()) / 1_000));
    return this.noteStep(begun_us, false);
  }

  // Seals and certifies the election, and notes what everybody is told.
  async certify() {
    const { electionId } = this.system;
    // The office's clock has not reached the closing time.
    if (this.isClosedByClock) await this.insist(['close', '--yes']);
    const sealed = JSON.parse(await this.insist(['seal']));
    this.system.addEvidence('life', { event: 'sealed', election: electionId, votes: sealed.votes });
    await this.insist(['certify', '--yes']);
    const { result } = JSON.parse(await this.insist(['results']));
    for (const { voting, votes } of result.choices) {
      const line = { event: 'told', election: electionId, by: 'the exported results', choice: voting, votes };
      this.system.addEvidence('life', line);
    }
  }
}
