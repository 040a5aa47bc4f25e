// A polling place for browser tests: the real machine and the real broker, with stand-ins for the
// office, loggers and recorders that do what a test asks for.

import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { page as httpGet } from '../../scripts/local.d/http.mjs';
import { Part } from '../../scripts/local.d/part.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';
import { System } from '../interop/support.mjs';

export const machineId = 3;
const zeros = '0'.repeat(64);

// RFC 8785 for the values that events have: sorted keys, whole numbers.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

class Office {
  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.privateKey = privateKey;
    this.publicKey = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url').toString('hex');
    this.histories = new Map();
  }

  happen(election, kind, fields = {}) {
    const history = this.histories.get(election) ?? [];
    const last = history.at(-1);
    const data = canonical({
      election_ID: election,
      sequence: history.length + 1,
      previous: last ? createHash('sha256').update(last.data).digest('hex') : zeros,
      time: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      kind,
      ...fields,
    });
    history.push({ data, signature: sign(null, Buffer.from(data), this.privateKey).toString('hex') });
    this.histories.set(election, history);
  }
}

export function definition(election, { title, choices, eligibility = 'open', event }) {
  return {
    election_ID: election,
    event,
    title: typeof title === 'string' ? { en: title } : title,
    choices: choices.map((name, voting) => ({ voting, name: typeof name === 'string' ? { en: name } : name })),
    eligibility,
    results: 'after close',
    time_zone: 'UTC',
  };
}

// The text of docs/wire-format.md that a receipt is the hash of; the code is its first 80 bits.
export function trackingCode(election, uuid) {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const hash = createHash('sha256').update(`pollbus receipt ${election} ${uuid}`).digest();
  const bits = [...hash.subarray(0, 10)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const code = bits.match(/.{5}/g).map((five) => digits[parseInt(five, 2)]).join('');
  return code.match(/.{4}/g).join('-');
}

export class PollingPlace {
  // `contests` are the arguments of definition() by election number; all are open.
  static async open(event, contests) {
    const place = new PollingPlace();
    Object.assign(place, { event, office: new Office(), votes: new Map(), submissions: 0, answerWith: () => ({ result: 'successful' }), held: [] });
    for (const [election, contest] of Object.entries(contests)) {
      place.office.happen(Number(election), 'define', { definition: definition(Number(election), { ...contest, event }) });
      place.office.happen(Number(election), 'open');
    }
    place.system = new System();
    await place.system.startBroker();
    await place.system.beginElection();
    place.client = place.system.client();
    await place.listen();
    const [page, http] = [await reservePort(), await reservePort()];
    await Promise.all([page.release(), http.release()]);
    Object.assign(place, { port: page.port, httpPort: http.port, address: `http://127.0.0.1:${page.port}/` });
    await place.startMachine();
    return place;
  }

  async listen() {
    const topic = this.client.topic('election');
    const filter = 'attributes.function="submit vote" OR attributes.function="describe election"';
    const [subscription] = await topic.createSubscription('stand-in', { filter });
    subscription.on('message', async (message) => {
      message.ack();
      const data = JSON.parse(message.data.toString());
      if (message.attributes.function === 'describe election') await this.describe(data);
      else await this.submit(data, message.data.toString());
    });
    this.subscription = subscription;
  }

  async describe(request) {
    const elections = [...this.office.histories].map(([election_ID, events]) => ({ election_ID, events }));
    await this.send({ result: 'definition', UUID: request.UUID, elections, now_utc_ms: Date.now() });
  }

  // The same UUID with other bytes would be another vote; no test may lead to that.
  async submit(vote, text) {
    this.submissions += 1;
    if ((this.votes.get(vote.UUID) ?? text) !== text) throw new Error('one UUID, two votes');
    this.votes.set(vote.UUID, text);
    const answer = this.answerWith(vote);
    if (answer) await this.send({ UUID: vote.UUID, ...answer });
  }

  get cast() {
    return [...this.votes.values()].map((text) => JSON.parse(text));
  }

  send(object) {
    const attributes = { function: 'result', machineID: String(machineId) };
    return this.client.topic('election').publishMessage({ data: Buffer.from(JSON.stringify(object)), attributes });
  }

  async startMachine(flags = []) {
    const folder = join(this.system.folder, 'machine');
    mkdirSync(folder, { recursive: true });
    this.log = join(folder, 'log');
    this.machine = new Part({
      name: 'voting-machine',
      log: this.log,
      command: [
        join(process.env.POLLBUS_PROGRAMS ?? 'build/dev/bin', 'voting-machine'),
        ...['--kiosk', `127.0.0.1:${this.port}`, '--event', this.event, '--machine', machineId],
        ...['--journal', join(folder, 'journal'), '--http-port', this.httpPort, '--debug', ...flags],
      ].map(String),
      env: { ...this.system.busEnvironment, OFFICE_PUBLIC_KEY: this.office.publicKey },
      answers: async () => ((await httpGet({ port: this.port }, '/state')) ?? '').includes('"is_event_known":true') ||
        ((await httpGet({ port: this.port }, '/state')) ?? '').includes('"stage":"answer"'),
    }).start();
    await this.machine.ready();
  }

  async killMachine() {
    this.machine.kill();
    await this.machine.ended;
  }

  async restartMachine() {
    await this.killMachine();
    await this.startMachine();
  }

  machineLog() {
    return readFileSync(this.log, 'utf8');
  }

  async close() {
    await this.machine.stop();
    await this.subscription.close();
    await this.system.stop();
  }
}
