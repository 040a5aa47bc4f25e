// What the demo says about itself, for somebody who sees it for the first time.

import { hostAndPort } from '../local.d/ports.mjs';

const count = (number) => number.toLocaleString('en-US');
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

// What runs, where, and for what.
export function runningText({ options, redis, postgres, busAddress, host }) {
  const bus = options.bus === 'broker' ? 'pubsub-broker' : 'Pub/Sub emulator';
  const parts = [
    [bus, busAddress, 'carries all messages, on one Pub/Sub topic'],
    ['Redis', hostAndPort(host, redis.port), 'remembers who has voted'],
    ['PostgreSQL', hostAndPort(host, postgres.port), 'holds the votes, without the voters'],
    [plural(options.loggers, 'voting logger'), '', 'let each voter vote once'],
    [plural(options.recorders, 'voting recorder'), '', 'store each accepted vote, then answer its machine'],
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
