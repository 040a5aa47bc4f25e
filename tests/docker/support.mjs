// Access to Docker and to the election of deploy/compose.yaml, for the tests.

import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

export const run = promisify(execFile);
const maxOutputBytes = 256 * 1024 * 1024;
const pollIntervalMs = 250;
const healthDeadlineMs = 180_000;

export const tree = process.env.POLLBUS_DOCKER_TREE;
export const version = process.env.POLLBUS_VERSION;
export const stages = [
  ...['pedestrian-detection', 'pedestrian-depth', 'pedestrian-location'],
  ...['vehicle-detection', 'vehicle-depth', 'vehicle-location', 'aerial-view'],
];
export const programs = [
  ...['pubsub-broker', 'voting-logger', 'voting-recorder', 'voting-machine', 'election-board'],
  ...[...stages, 'pedestrian-producer', 'pedestrian-consumer'],
];
export const stores = ['redis', 'postgres'];
export const userOf = { redis: 10002, postgres: 10003 };
export const programUser = 10001;
export const imageOf = (service) => `pollbus/${service}:${version}`;

// Runs a command and returns its output. If it fails, the error contains its standard error.
async function output(program, args, { input } = {}) {
  const running = run(program, args, { encoding: 'buffer', maxBuffer: maxOutputBytes });
  running.child.stdin.on('error', () => {});
  running.child.stdin.end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')}: ${error.stderr?.toString() ?? error}`);
  }
}

export const docker = async (...args) => (await output('docker', args)).toString().trim();
export const dockerJson = async (...args) => JSON.parse(await docker(...args));

const [composeProgram, ...composeWords] = process.env.POLLBUS_COMPOSE.split(' ');
export const composeBytes = (args, options) => output(composeProgram, [...composeWords, ...args], options);
export const compose = async (...args) => (await composeBytes(args)).toString().trim();

export const inspect = async (container) => (await dockerJson('inspect', container))[0];

// The containers of a service, including stopped ones.
export async function containersOf(service) {
  const filters = ['com.docker.compose.oneoff=False', `com.docker.compose.service=${service}`];
  const project = `com.docker.compose.project=${process.env.COMPOSE_PROJECT_NAME}`;
  const labels = [project, ...filters].flatMap((label) => ['--filter', `label=${label}`]);
  return (await docker('ps', '--all', '--quiet', '--no-trunc', ...labels)).split('\n').filter(Boolean);
}

export async function until(what, holds, deadlineMs = healthDeadlineMs) {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`did not happen within ${deadlineMs / 1_000} s: ${what}`);
    await pause(pollIntervalMs);
  }
}

const isHealthy = ({ State }) => State.Running && State.Health?.Status === 'healthy';

export function untilHealthy(container) {
  return until(`${container.slice(0, 12)} is healthy`, async () => isHealthy(await inspect(container)));
}

// Runs a BusyBox program as the user of a container and in its process namespace.
export async function beside(container, ...command) {
  const { Config } = await inspect(container);
  const own = ['run', '--rm', '--network', 'none', '--pid', `container:${container}`, '--user', Config.User];
  return docker(...own, '--entrypoint', '/bin/busybox', imageOf('redis'), ...command);
}

// Kills the program of a container without the engine, so that the engine starts it again as after a crash.
export async function crash(container) {
  const { Config, State } = await inspect(container);
  const own = ['run', '--rm', '--network', 'none', '--pid', 'host', '--user', Config.User];
  await docker(...own, '--entrypoint', '/bin/busybox', imageOf('redis'), 'kill', '-9', String(State.Pid));
  return State.StartedAt;
}

export function untilRestarted(container, startedAt) {
  return until(`${container.slice(0, 12)} runs again`, async () => {
    const { State } = await inspect(container);
    return State.Running && State.StartedAt !== startedAt;
  });
}

// The contents of a file in a container, which may be stopped.
export async function fileOf(container, path) {
  const archive = await output('docker', ['cp', `${container}:${path}`, '-']);
  return execFileSync('tar', ['-x', '-O'], { input: archive, maxBuffer: maxOutputBytes });
}

export function psql(sql) {
  const command = ['psql', '-U', 'postgres', '-d', 'election', '-X', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1'];
  return compose('exec', '-T', 'postgres', ...command, '-c', sql).then((text) =>
    text.split('\n').filter(Boolean).map((line) => line.split('\t')),
  );
}

export async function redisKeys(pattern) {
  const text = await compose('exec', '-T', 'redis', 'redis-ask', '--scan', '--pattern', pattern);
  return [...new Set(text.split('\n').filter(Boolean))];
}

// Starts a machine in a container of its own, with its own keys, and resolves when the container runs.
export async function startMachine(name, machine, flags) {
  execFileSync(join(tree, 'scripts/secrets'), ['machine', String(machine)], { stdio: 'ignore' });
  process.env.MACHINE_ID = String(machine);  // names the folder with its keys
  const own = ['--election', electionId, '--machine', machine, '--summary', `/var/lib/pollbus/summary-${name}.json`];
  const words = ['run', '--detach', '--no-deps', '--name', containerName(name), 'voting-machine'];
  await compose(...words, ...own.map(String), '--quiet', ...flags.map(String));
  return containerName(name);
}

export const electionId = 12;
export const containerName = (name) => `${process.env.COMPOSE_PROJECT_NAME}-${name}`;

// Waits until a machine has ended and returns its summary.
export async function summaryOf(name) {
  const code = await docker('wait', containerName(name));
  if (code !== '0') throw new Error(`machine ${name} ended with ${code}: ${await docker('logs', containerName(name))}`);
  return JSON.parse(await fileOf(containerName(name), `/var/lib/pollbus/summary-${name}.json`));
}
