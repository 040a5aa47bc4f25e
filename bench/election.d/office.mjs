// Starts an election that the office has defined, with a roll, and opens it.

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { choices, electionId } from '../../scripts/demo.d/election.mjs';
import { baseEnvironment } from '../../scripts/local.d/part.mjs';

// The identity of the office among the machines, for which its key is derived (docs/security.md).
const officeIdentity = String(2 ** 53);
const timeoutMs = 300_000;

function definition(eligibility) {
  const names = Array.from({ length: choices }, (_, i) => ({ voting: i, name: { en: `Choice ${i}` } }));
  const title = { en: 'Benchmark' };
  const when = { time_zone: 'Etc/UTC' };
  return { election_ID: electionId, event: 'Benchmark', title, choices: names, ...when, eligibility, results: 'live' };
}

// Starts `election` with services that know the office, defines and opens it, and gives each machine the
// codes of voters of its own: a part of the roll, as many as its votes.
export async function define(election, { programs, options }) {
  const office = join(election.folder, 'office');
  mkdirSync(office, { mode: 0o700 });
  const tool = join(programs, 'election-office');
  execFileSync(tool, ['keygen', '--office', office], { env: baseEnvironment(), stdio: 'ignore' });
  const key = readFileSync(join(office, 'office.pub'), 'utf8').trim();
  const bus = election.busEnvironment.bind(election);
  election.busEnvironment = () => ({ ...bus(), OFFICE_PUBLIC_KEY: key, ELECTIONS: 'defined' });
  await election.start();

  const keys = {};
  if (!options.open) {
    const derive = join(election.scripts, 'secrets.d', 'derive');
    const input = election.secrets.RESULT_KEY;
    keys.OFFICE_RESULT_KEY = execFileSync(derive, ['pollbusR', officeIdentity], { input, encoding: 'utf8' }).trim();
  }
  const env = { ...baseEnvironment(), ...bus(), ...keys, OFFICE_FOLDER: office };
  const run = (...words) => promisify(execFile)(tool, words, { env, timeout: timeoutMs });
  const file = (name) => join(election.folder, name);
  const voters = Array.from({ length: options.votes * options.machines }, (_, voter) => voter);
  writeFileSync(file('definition.json'), JSON.stringify(definition('codes')));
  writeFileSync(file('roll.csv'), ['voter_ID', ...voters, ''].join('\n'));
  await run('define', file('definition.json'));
  await run('roll', 'import', file('roll.csv'));
  await run('roll', 'codes', '--out', file('codes.csv'));
  await run('open');

  const [heading, ...lines] = readFileSync(file('codes.csv'), 'utf8').trim().split(/\r?\n/);
  for (let i = 0; i < options.machines; i++) {
    const part = lines.slice(i * options.votes, (i + 1) * options.votes);
    writeFileSync(election.machineFile(i + 1, 'codes'), [heading, ...part, ''].join('\n'));
  }
  const keysOfMachine = election.keysOfMachine.bind(election);
  election.keysOfMachine = (number) => ({
    ...keysOfMachine(number),
    VOTER_CODES: election.machineFile(number, 'codes'),
  });
}
