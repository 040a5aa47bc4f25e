// The processes of an election under faults.

const numbered = (kind, count) => Array.from({ length: count }, (_, i) => `${kind}-${i + 1}`);

export const loggers = numbered('logger', 3);
export const recorders = numbered('recorder', 3);
export const machines = numbered('machine', 3);
// Second processes with the id of a machine, which faults start.
export const twinOf = (machine) => `${machine}-twin`;
export const twins = machines.map(twinOf);
export const services = [...loggers, ...recorders];
export const servers = ['broker', 'redis', 'postgres'];
export const everybody = [...servers, ...services, ...machines];

// Votes are for one of so many choices.
export const choices = 5;

// The Redis servers that share the register.
export const redisServers = (count) => ['redis', ...numbered('redis', count).slice(1)];

export const numberOf = (name) => Number(name.split('-')[1]);
export const kindOf = (name) => name.split('-')[0];
export const isServer = (name) => servers.includes(kindOf(name));

// The clients of each kind of server.
export const clientsOf = {
  broker: [...services, ...machines],
  redis: loggers,
  postgres: recorders,
};

const link = (client, server) => ({ name: `${client} to ${server}`, client, server });
// The links that go through a proxy, with the kind of the server. All others are direct.
export const proxiedLinks = [
  link('logger-2', 'redis'),
  link('recorder-2', 'postgres'),
  link('logger-3', 'broker'),
  link('recorder-3', 'broker'),
  link('machine-3', 'broker'),
];
export const directLinks = Object.entries(clientsOf)
  .flatMap(([server, clients]) => clients.map((client) => link(client, server)))
  .filter(({ name }) => !proxiedLinks.some((proxied) => proxied.name === name));

// The processes whose wall clock can be moved.
export const withMovableClock = ['broker', 'logger-1', 'recorder-1', 'machine-1'];

// The name of each kind of server in the logs and metrics of its clients.
export const dependencyNames = { broker: 'bus', redis: 'redis', postgres: 'postgres' };
