// An election that the demo holds as an office does: with definitions, a roll, codes, and the pages
// for people.

import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { page } from '../local.d/http.mjs';
import { LocalFailure, baseEnvironment } from '../local.d/part.mjs';
import { hostAndPort, reservePort } from '../local.d/ports.mjs';
import { Election, numbers, quoted } from './election.mjs';

const run = promisify(execFile);
// Voters of the roll whom no simulated machine votes for: their codes are for people.
export const votersForPeople = 20;
// The derived key of election-office has the first number after those of machines (scripts/secrets).
const officeNumber = 2n ** 53n;
const officeTimeoutMs = 120_000;

// Reads definitions. Throws if they cannot be voted on together.
export function readDefinitions(files) {
  const definitions = files.map((file) => {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      throw new LocalFailure(`${file} is not a definition: ${error.message}`);
    }
  });
  const [first] = definitions;
  for (const [i, definition] of definitions.entries()) {
    if (definition.event !== first.event) {
      throw new LocalFailure(`${files[i]} belongs to another event than ${files[0]}: the kiosk shows the elections of one event`);
    }
  }
  return definitions;
}

export class HeldElection extends Election {
  // `options.elections` names the files of the definitions.
  constructor(parts) {
    const definitions = readDefinitions(parts.options.elections);
    super({ ...parts, contests: definitions.length });
    this.definitions = definitions;
    this.writeOfficeKeys();
  }

  // Each contest has machines of its own; the last number is the kiosk's.
  get maxMachines() {
    return this.options.machines * this.options.elections.length + 1;
  }

  writeOfficeKeys() {
    this.office = join(this.folder, 'office');
    const keygen = ['keygen', '--office', this.office, '--json'];
    execFileSync(join(this.programs, 'election-office'), keygen, { env: baseEnvironment(), stdio: 'pipe' });
    this.publicKey = readFileSync(join(this.office, 'office.pub'), 'utf8').trim();
    if (this.options.open) return;
    const [key] = this.derivedKeys('RESULT_KEY', 'pollbusR', [officeNumber]);
    writeFileSync(this.secretFile('OFFICE_RESULT_KEY'), key, { mode: 0o600 });
  }

  settingsOf(kind) {
    const office = { OFFICE_PUBLIC_KEY: this.publicKey };
    return kind === 'logger' ? { ...office, ELECTIONS: 'defined' } : office;
  }

  officeEnvironment() {
    const key = this.options.open ? {} : { OFFICE_RESULT_KEY_FILE: this.secretFile('OFFICE_RESULT_KEY') };
    return { ...this.busEnvironment(), ...key, OFFICE_FOLDER: this.office };
  }

  // Runs election-office. Returns what it printed; throws when it refuses.
  async officeSays(...words) {
    try {
      const { stdout, stderr } = await this.runOffice(words);
      return (stdout + stderr).trimEnd();
    } catch (error) {
      throw new LocalFailure(`election-office ${words.join(' ')} failed:\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
    }
  }

  runOffice(words) {
    const started = run(join(this.programs, 'election-office'), words, {
      env: { ...baseEnvironment(), ...this.officeEnvironment() },
      timeout: officeTimeoutMs,
    });
    started.child.stdin.end();
    return started;
  }

  // Commands, for all elections, as lines for a shell.
  officeLines(...commands) {
    const variables = Object.entries(this.officeEnvironment()).map(([name, value]) => `${name}=${quoted(value)}`);
    const program = quoted(join(this.programs, 'election-office'));
    return [`export ${variables.join(' ')}`, ...commands.map((command) => `${program} ${command} --all`)];
  }

  async start() {
    await super.start();
    await this.officeSays('define', ...this.options.elections);
    if (this.definitions.some(({ eligibility }) => eligibility !== 'open')) await this.importRoll();
    await this.officeSays('open', '--all');
    if (!this.options.people) return;
    [this.kioskAddress] = await Promise.all([this.startKiosk(), this.startBoard()]);
  }

  // Voters 0 to V-1 are simulated; the next ones are for people.
  async importRoll() {
    const { voters } = this.options;
    const roll = join(this.folder, 'roll.csv');
    const all = Array.from({ length: voters + votersForPeople }, (_, i) => i);
    writeFileSync(roll, `voter_ID\n${all.join('\n')}\n`, { mode: 0o600 });
    const withRoll = this.definitions.filter(({ eligibility }) => eligibility !== 'open');
    await this.officeSays('roll', 'import', roll, ...withRoll.flatMap(({ election_ID }) => ['--election', String(election_ID)]));
    const withCodes = this.definitions.find(({ eligibility }) => eligibility === 'codes');
    if (!withCodes) return;
    const list = join(this.folder, 'mailing-list.csv');
    await this.officeSays('roll', 'codes', '--election', String(withCodes.election_ID), '--out', list);
    this.codes = readFileSync(list, 'utf8').trim().split(/\r?\n/).slice(1).map((line) => line.split(',').at(-1));
    // Each machine of a contest votes for voters of its own.
    const { machines } = this.options;
    for (const i of numbers(machines)) {
      const mine = this.codes.slice(0, voters).filter((_, voter) => voter % machines === i - 1);
      writeFileSync(this.codeFile(i), `code\n${mine.join('\n')}\n`, { mode: 0o600 });
    }
  }

  codeFile(place) {
    return join(this.folder, `codes-${place}.csv`);
  }

  // What people type in at the kiosk: codes, or voter numbers where there are no codes.
  tickets() {
    const { voters } = this.options;
    const people = Array.from({ length: votersForPeople }, (_, i) => voters + i);
    return this.codes ? people.map((voter) => this.codes[voter]) : people.map(String);
  }

  // Starts the kiosk, with the number of a machine. Returns its address.
  async startKiosk(number = this.maxMachines) {
    const { port, release } = await reservePort(this.host);
    await release();
    const http = await this.httpEndpoint();
    const address = `http://${hostAndPort(this.host, port)}/`;
    const state = { host: this.host, port };
    await this.startPart(this.pages, {
      name: `kiosk ${number}`,
      command: [
        join(this.programs, 'voting-machine'), '--machine', String(number),
        '--kiosk', hostAndPort(this.host, port), '--event', this.definitions[0].event,
        '--journal', this.machineFile(number, 'journal'),
      ],
      env: { ...this.busEnvironment(), ...this.keysOfMachine(number), ...this.settingsOf('machine'), ...http.env },
      answers: async () => /"is_event_known":true|"stage":"answer"/.test((await page(state, '/state')) ?? ''),
    }).ready();
    return address;
  }

  // Starts the simulated machines of all contests.
  async startMachines() {
    const { machines, votes, rate, inFlight, voters, seed } = this.options;
    let number = 0;
    for (const { election_ID: election, choices, eligibility } of this.definitions) {
      for (const place of numbers(machines)) {
        number += 1;
        const flags = {
          '--election': election,
          '--machine': number,
          '--votes': eligibility === 'codes' ? Math.min(votes, this.codesOfMachine(place)) : votes,
          '--rate': rate,
          '--in-flight': inFlight,
          ...(eligibility === 'codes' ? { '--codes': this.codeFile(place) } : { '--voters': voters }),
          // Every second machine knows the first half of the choices only, so that the bars differ.
          '--choices': place % 2 === 0 ? Math.ceil(choices.length / 2) : choices.length,
          '--seed': seed + number,
          '--summary': this.machineFile(number, 'json'),
          '--journal': this.machineFile(number, 'journal'),
        };
        await this.startMachine(number, [...Object.entries(flags).flat(), '--quiet'], this.settingsOf('machine'));
      }
    }
    return this.machines;
  }

  codesOfMachine(place) {
    const { machines, voters } = this.options;
    return Math.floor((voters - place) / machines) + 1;
  }

  // How many votes all machines cast.
  get totalVotes() {
    const { machines, votes } = this.options;
    return this.definitions
      .flatMap(({ eligibility }) =>
        numbers(machines).map((place) => (eligibility === 'codes' ? Math.min(votes, this.codesOfMachine(place)) : votes)))
      .reduce((sum, count) => sum + count, 0);
  }

  // Sentences about machines whose accepted votes are not those of the result.
  async disagreements(summaries) {
    const wrong = [];
    for (const [i, { election_ID: election }] of this.definitions.entries()) {
      const { turnout } = JSON.parse((await this.runOffice(['results', '--election', String(election), '--format', 'json'])).stdout);
      const counted = new Map(turnout.by_machine.map(({ machine_ID, votes }) => [machine_ID, votes]));
      const { machines } = this.options;
      for (const { machine, successful, pending } of summaries.slice(i * machines, (i + 1) * machines)) {
        const votes = counted.get(machine) ?? 0;
        if (pending > 0) wrong.push(`${pending} votes of machine ${machine} were not answered`);
        if (votes !== successful) wrong.push(`${successful} votes of machine ${machine} were accepted, but ${votes} are counted`);
      }
    }
    return wrong;
  }
}
