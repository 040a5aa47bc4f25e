// What the demo says about itself, for somebody who sees it for the first time.

import { hostAndPort } from '../local.d/ports.mjs';

const count = (number) => number.toLocaleString('en-US');
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

const hostOf = (address) => new URL(address).host;

// What runs, where, and for what.
export function runningText({ options, redis, postgres, busAddress, host, kioskAddress, boardAddress }) {
  const bus = options.bus === 'broker' ? 'pubsub-broker' : 'Pub/Sub emulator';
  const parts = [
    [bus, busAddress, 'carries all messages, on one Pub/Sub topic'],
    ['Redis', hostAndPort(host, redis.port), 'remembers who has voted'],
    ['PostgreSQL', hostAndPort(host, postgres.port), 'holds the votes, without the voters'],
    [plural(options.loggers, 'voting logger'), '', 'let each voter vote once'],
    [plural(options.recorders, 'voting recorder'), '', 'store each accepted vote, then answer its machine'],
    ...(kioskAddress ? [['voting machine', hostOf(kioskAddress), 'serves the page on which people vote']] : []),
    ...(boardAddress ? [['election board', hostOf(boardAddress), 'shows turnout and results to everybody']] : []),
  ];
  const widths = [0, 1].map((column) => Math.max(...parts.map((row) => row[column].length)));
  const lines = parts.map(
    ([name, address, use]) => `  ${name.padEnd(widths[0])}  ${address.padEnd(widths[1])}  ${use}`,
  );
  const keys = options.open
    ? 'Messages are not authenticated (--open): whoever reaches the bus can vote in any name.'
    : 'Every message is authenticated; each machine has only its own keys.';
  return ['An election runs on this machine:', ...lines, keys].join('\n');
}

// What comes next.
export function castingText({ machines, votes, voters, seed }) {
  const cast = `${plural(machines, 'voting machine')} now cast${machines === 1 ? 's' : ''} ${plural(votes, 'vote')}`;
  const drawn = `Each vote is for a random choice, by a random one of ${plural(voters, 'voter')} (seed ${seed}).`;
  return `\n${cast}${machines === 1 ? '' : ' each'}. ${drawn}\nA voter's second vote must be refused.\n`;
}

// The elections that are open, and what the machines do.
export function heldText({ definitions, options, totalVotes }) {
  const machines = options.machines * definitions.length;
  return [
    '',
    `The office has defined and opened the elections of "${definitions[0].event}":`,
    ...definitions.map(({ election_ID: id, title }) => `  ${id}  ${title.en ?? Object.values(title)[0]}`),
    '',
    `${plural(machines, 'simulated machine')} now cast${machines === 1 ? 's' : ''} ${plural(totalVotes, 'vote')} in all (seed ${options.seed}).`,
  ].join('\n');
}

// What a person can do: where to go, what to type there, and how to end the election.
export function peopleText(election) {
  const tickets = election.tickets();
  const columns = election.codes ? 2 : 10;
  const rows = Array.from({ length: Math.ceil(tickets.length / columns) }, (_, i) =>
    tickets.slice(i * columns, (i + 1) * columns).join('   '));
  return [
    '',
    'Vote:                   ' + election.kioskAddress,
    'See turnout and result: ' + election.boardAddress,
    '',
    `${election.codes ? 'Codes' : 'Voter numbers'}, each for one voter:`,
    ...rows.map((row) => `  ${row}`),
  ].join('\n');
}

// The commands that end the election, to type here or to paste into another terminal.
export function commandsText(election) {
  return [
    '',
    'Act as the election office: type a command here, and Enter (help lists all). First close, then seal,',
    'then certify. Or paste these lines into another terminal:',
    '',
    ...election.officeLines('close', 'seal', 'certify').map((line) => `  ${line}`),
    '',
    'Ctrl-C ends the demo.',
    '',
  ].join('\n');
}

// What can be done while the election stays open.
export function stayingText(election) {
  return [
    '',
    'The election stays open until Ctrl-C, which prints this table again with what was added.',
    'In another terminal you can',
    '',
    'add a machine that casts a vote a second, mostly of voters who have not voted yet:',
    `  ${election.oneMoreMachine()}`,
    '',
    'look into PostgreSQL (SELECT * FROM votes LIMIT 5;) and Redis (DBSIZE):',
    `  ${election.postgresShell()}`,
    `  ${election.redisShell()}`,
    '',
    'kill a replica and see that the election goes on:',
    `  ${election.killCommand()}`,
    '',
  ].join('\n');
}
