import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { parse, root } from './manifests.mjs';
import { variablesOf } from './rules.mjs';

const read = (path) => readFileSync(join(root, path), 'utf8');
const [compose] = parse(read('deploy/compose.yaml'));
const pedestrian = [
  ...['pedestrian-detection', 'pedestrian-depth', 'pedestrian-location', 'vehicle-detection', 'vehicle-depth'],
  ...['vehicle-location', 'aerial-view', 'pedestrian-producer', 'pedestrian-consumer'],
];
const services = Object.entries(compose.services);
const dockerfile = read('deploy/docker/Dockerfile');
const targets = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map((match) => match[1]);
// Services that run the program of another one.
const programOf = (name) => (name === 'migrate' ? 'voting-recorder' : name);
const isSecret = (variable) => /_(PASSWORD|KEY)$/.test(variable) && !/_TLS_KEY$|^OFFICE_PUBLIC_KEY$/.test(variable);

// The lines of a target and of the targets that it is based on.
function linesOf(target) {
  const [, base, text] = dockerfile.match(new RegExp(`^FROM (\\S+) AS ${target}\\n([^]*?)(?=^FROM |$(?![^]))`, 'm'));
  return (targets.includes(base) ? linesOf(base) : '') + text;
}

test('compose: there are three loggers and three recorders, and the machine needs a profile', () => {
  assert.deepEqual(Object.keys(compose.services), [
    ...['pubsub-broker', 'redis', 'postgres', 'voting-logger', 'migrate', 'voting-recorder', 'voting-machine'],
    ...['election-board', 'election-office'],
    ...pedestrian,
  ]);
  assert.equal(compose.services['voting-logger'].deploy.replicas, 3);
  assert.equal(compose.services['voting-recorder'].deploy.replicas, 3);
  assert.deepEqual(compose.services['voting-machine'].profiles, ['demo']);
});

test('compose: the pedestrian system needs a profile and is connected to the bus only', () => {
  for (const name of pedestrian) {
    const { profiles, networks, depends_on: needs } = compose.services[name];
    assert.match(profiles.join(), /^pedestrian(-scenes)?$/, name);
    assert.deepEqual(networks, ['bus'], name);
    assert.deepEqual(Object.keys(needs), ['pubsub-broker'], name);
  }
});

test('compose: every service is built from its own target of the one Dockerfile', () => {
  for (const [name, { build, image }] of services) {
    assert.deepEqual(build, { context: '..', dockerfile: 'deploy/docker/Dockerfile', target: programOf(name) });
    assert.equal(image, `pollbus/${programOf(name)}:\${POLLBUS_VERSION:-local}`);
    assert.ok(targets.includes(programOf(name)));
  }
});

test('compose: every service has hardened settings and limits', () => {
  for (const [name, service] of services) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    assert.ok(service.mem_limit && service.pids_limit, name);
    assert.ok(!service.privileged && !service.user && !service.cap_add, name);
  }
});

test('compose: only the broker and the board publish a port, on this machine only', () => {
  const open = services.filter(([, { ports }]) => ports);
  assert.deepEqual(open.map(([name]) => name), ['pubsub-broker', 'election-board']);
  for (const [name, { ports }] of open) assert.ok(ports.every((port) => port.startsWith('127.0.0.1:')), name);
});

test('compose: the board and the tool of the office need profiles, and the board does not wait for the bus', () => {
  assert.deepEqual(compose.services['election-board'].profiles, ['people']);
  assert.deepEqual(compose.services['election-office'].profiles, ['office']);
  assert.deepEqual(Object.keys(compose.services['election-board'].depends_on), ['migrate']);
});

test('compose: votes are taken in elections that the office has defined, unless deploy/.env says otherwise', () => {
  assert.equal(compose.services['voting-logger'].environment.ELECTIONS, '${ELECTIONS:-defined}');
});

test('compose: every secret comes from .env, and the error for a missing one says what to do', () => {
  for (const [name, { environment }] of services) {
    for (const variable of Object.keys(environment).filter(isSecret)) {
      assert.match(environment[variable], /^\$\{[A-Z_]+:\?run scripts\/secrets first\}$/, `${name}: ${variable}`);
    }
    for (const variable of Object.keys(environment).filter((one) => one.endsWith('_PREVIOUS'))) {
      assert.equal(environment[variable], `\${${variable}:-}`, name);
    }
  }
});

const variablesIn = (name) => [...JSON.stringify(compose.services[name].environment).matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1]).sort();

test('compose: every program gets the passwords and keys that it needs, and no other', () => {
  const withPrevious = (...keys) => keys.flatMap((key) => [key, `${key}_PREVIOUS`]);
  const needed = {
    redis: ['REDIS_PASSWORD', 'REDIS_ADMIN_PASSWORD'],
    postgres: ['POSTGRES_OWNER_PASSWORD', 'POSTGRES_RECORDER_PASSWORD', 'POSTGRES_RESULTS_PASSWORD'],
    'voting-logger': ['REDIS_PASSWORD', 'LOGGER_KEY', ...withPrevious('SUBMIT_KEY', 'RECORD_KEY', 'RESULT_KEY'), 'OFFICE_PUBLIC_KEY', 'ELECTIONS'],
    migrate: ['POSTGRES_OWNER_PASSWORD'],
    'voting-recorder': ['POSTGRES_RECORDER_PASSWORD', ...withPrevious('RECORD_KEY', 'RESULT_KEY'), 'OFFICE_PUBLIC_KEY'],
    'voting-machine': ['ELECTION_ID', 'MACHINE_ID', 'OFFICE_PUBLIC_KEY'],
    'election-board': ['POSTGRES_RESULTS_PASSWORD', 'OFFICE_PUBLIC_KEY'],
    'election-office': [],
    'pubsub-broker': [],
  };
  for (const [name, variables] of Object.entries(needed)) assert.deepEqual(variablesIn(name), variables.sort(), name);
});

test('compose: every container sees its own folder of deploy/secrets only, and none sees the key of the authority', () => {
  for (const [name, { volumes }] of services) {
    const seen = volumes.filter((volume) => volume.startsWith('./secrets/'));
    const folders = { 'voting-machine': 'machine-${MACHINE_ID:-1}', 'election-office': 'office' };
    const folder = pedestrian.includes(name) ? 'pedestrian' : (folders[name] ?? name);
    const expected = name === 'migrate' ? './secrets/postgres/ca.pem:/run/secrets/pollbus/ca.pem:ro' : `./secrets/${folder}:/run/secrets/pollbus:ro`;
    assert.deepEqual(seen, [expected], name);
  }
});

test('compose: every client of the bus uses TLS with a certificate, and the broker serves clients of its table only', () => {
  const broker = compose.services['pubsub-broker'];
  for (const name of ['TLS_CERT', 'TLS_KEY', 'TLS_CLIENT_CA', 'CLIENTS']) assert.ok(broker.environment[`PUBSUB_BROKER_${name}`], name);
  const table = './kubernetes/components/bus-tls/clients:/etc/pollbus/clients:ro';
  assert.ok(broker.volumes.includes(table));
  for (const [name, { environment, networks }] of services) {
    if (!networks.includes('bus') || name === 'pubsub-broker') continue;
    for (const variable of ['PUBSUB_CA_FILE', 'PUBSUB_CERT_FILE', 'PUBSUB_KEY_FILE']) assert.ok(environment[variable], `${name}: ${variable}`);
  }
});

test('compose: no container may write a core dump, which would hold votes or keys', () => {
  for (const [name, { ulimits }] of services) assert.deepEqual(ulimits, { core: 0 }, name);
});

test('compose: the program reads every variable that is set', () => {
  for (const [name, { environment }] of services) {
    const unread = Object.keys(environment).filter((variable) => !variablesOf(programOf(name)).has(variable));
    assert.deepEqual(unread, [], name);
  }
});

test('compose: dependencies must be healthy, and only loggers are connected to Redis, only recorders, the migration and the board to PostgreSQL', () => {
  for (const [, { depends_on: needs = {} }] of services) {
    for (const [need, { condition }] of Object.entries(needs)) {
      assert.equal(condition, need === 'migrate' ? 'service_completed_successfully' : 'service_healthy');
    }
  }
  const on = (network) => services.filter(([, { networks }]) => networks.includes(network)).map(([name]) => name);
  assert.deepEqual(on('voters'), ['redis', 'voting-logger']);
  assert.deepEqual(on('ballots'), ['postgres', 'migrate', 'voting-recorder', 'election-board']);
  assert.ok(compose.networks.voters.internal && compose.networks.ballots.internal);
});

test('the output of a machine, which shows voters and their choices, and of the office is not logged', () => {
  assert.deepEqual(compose.services['voting-machine'].logging, { driver: 'none' });
  assert.deepEqual(compose.services['election-office'].logging, { driver: 'none' });
  const [, , machine] = read('deploy/kubernetes/demo/voting-machine.yaml').match(/image: (\S+)([^]*?)env:/);
  assert.match(machine, /args: \[--quiet\]/);
});

test('compose: data that must survive a container is on a named volume', () => {
  const isNamed = (volume) => /^[a-z]+:/.test(volume);
  const folders = Object.fromEntries(services.map(([name, { volumes }]) => [name, volumes.filter(isNamed)]));
  assert.deepEqual(folders.redis, ['redis:/data']);
  assert.deepEqual(folders.postgres, ['postgres:/data']);
  assert.deepEqual(folders['pubsub-broker'], ['broker:/var/lib/pollbus']);
  assert.deepEqual(folders['voting-machine'], ['machine:/var/lib/pollbus']);
  assert.deepEqual(Object.keys(compose.volumes), ['broker', 'redis', 'postgres', 'machine', 'views']);
});

test('images: each has a numbered user, a health check, an entry point and labels', () => {
  for (const [name] of services.filter(([one]) => one === programOf(one))) {
    const text = linesOf(name);
    assert.match(text, /^USER 1\d{4}:1\d{4}$/m, name);
    if (name !== 'election-office') assert.match(text, /^HEALTHCHECK .*CMD \["\//m, name);
    assert.match(text, /^ENTRYPOINT \["\//m, name);
    for (const label of ['title', 'description', 'licenses', 'base.name']) {
      assert.ok(text.includes(`org.opencontainers.image.${label}=`), `${name}: ${label}`);
    }
    if (name.startsWith('voting-')) assert.match(text, /--check-health/);
  }
});

test('images: the program reads every variable that its image sets', () => {
  for (const name of ['pubsub-broker', 'voting-logger', 'voting-recorder', 'voting-machine', 'election-board', 'election-office', ...pedestrian]) {
    const set = [...linesOf(name).matchAll(/^ENV (.*)$/gm)].flatMap((line) => [...line[1].matchAll(/(\w+)=/g)].map((pair) => pair[1]));
    const read = new Set([...variablesOf(name), 'XDG_STATE_HOME']);
    assert.deepEqual(set.filter((variable) => !read.has(variable)), [], name);
  }
});

test('images: Redis loads transactions with the rights of a user as whom nobody can log in', () => {
  assert.match(read('deploy/docker/redis-start'), /^user default off ~\* &\* \+@all$/m);
});

test('images: the Dockerfile names no architecture and needs no BuildKit', () => {
  assert.doesNotMatch(dockerfile, /amd64|x86_64|arm64|aarch64/);
  assert.doesNotMatch(dockerfile, /--mount|--chmod|--link|<<|^# syntax/m);
});

test('images: the build context contains every file that the build needs', () => {
  const rules = read('.dockerignore').split('\n');
  const built = read('CMakeLists.txt').replace(/^if\(POLLBUS_TESTS\)$[^]*?^endif\(\)$/gm, '');
  const folders = [...built.matchAll(/^\s*add_subdirectory\((\w+)/gm)].map((match) => match[1]);
  const steps = dockerfile.replaceAll('\\\n', ' ').matchAll(/^COPY (?!--from)(.*)$/gm);
  const copied = [...steps].flatMap((match) => match[1].split(/\s+/).slice(0, -1));
  for (const path of [...folders, ...copied]) {
    assert.ok(existsSync(join(root, path)), path);
    assert.ok(rules.some((rule) => rule.startsWith('!') && `${path}/`.startsWith(`${rule.slice(1)}/`)), path);
  }
});

test('images: the build context is an allow list without any kind of secret', () => {
  const rules = read('.dockerignore').split('\n').filter((line) => line && !line.startsWith('#'));
  assert.equal(rules[0], '*');
  const let_in = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
  for (const path of let_in) assert.doesNotMatch(path, /env|secrets|key|credential|compose|kubernetes|gcp/);
  for (const kind of ['**/.env', '**/*.key', '**/*.pem', '**/*.journal']) assert.ok(rules.includes(kind));
});
