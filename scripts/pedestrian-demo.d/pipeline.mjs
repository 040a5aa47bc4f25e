// Starts and stops the processes of the pedestrian system on this machine.

import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { isReady } from '../local.d/http.mjs';
import { Part, PartFailure } from '../local.d/part.mjs';
import { reservePort } from '../local.d/ports.mjs';

const topic = 'pedestrian';
// Factor for the depth of the embedded default (docs/pedestrian.md).
const publishedDepthScaleB = 0.43;

// The services in the order of the pipeline.
const stages = [
  'pedestrian-detection',
  'pedestrian-depth',
  'pedestrian-location',
  'vehicle-detection',
  'vehicle-depth',
  'vehicle-location',
  'aerial-view',
];

async function freePort() {
  const reserved = await reservePort();
  await reserved.release();
  return reserved.port;
}

export class Pipeline {
  // `folder` must be private and empty. `report(text)` is called for each part that was started.
  constructor({ options, folder, programs, report }) {
    Object.assign(this, { options, folder, programs, report });
    this.project = `pollbus-demo-${randomBytes(4).toString('hex')}`;
    this.views = join(folder, 'views');
    this.bus = [];
    this.services = [];
    this.ends = [];
    // Rejects when a part ends unexpectedly; never resolves.
    this.failure = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failure.catch(() => {});
  }

  program(name) {
    return join(this.programs, name);
  }

  log(name) {
    return join(this.folder, `${name.replace(' ', '-')}.log`);
  }

  // Runs a program to its end. Its output goes to its log.
  async run(name, command) {
    const part = new Part({ name, log: this.log(name), command: [this.program(command[0]), ...command.slice(1)] });
    this.ends.push(part.start());
    part.isReady = true;
    const { code } = await part.ended;
    if (code !== 0 && !part.stopping) throw new PartFailure(part, `failed (exit ${code})`);
  }

  // Renders the scenes if necessary. Returns { labels, images, count }.
  async scenes() {
    const folder = this.options.data ?? join(this.folder, 'scenes');
    if (!this.options.data) {
      const { scenes, seed } = this.options;
      await this.run('pedestrian-scenes', ['pedestrian-scenes', '--out', folder, '--scenes', `${scenes}`, '--seed', `${seed}`]);
      this.report(`${scenes} scenes rendered, seed ${seed}`);
    }
    const labels = join(folder, 'labels.csv');
    const lines = readFileSync(labels, 'utf8').split('\n').filter((line) => line.trim() !== '');
    return { labels, images: folder, count: lines.length - 1 };
  }

  // The path of a file in the data folder, if it exists.
  given(name) {
    const file = this.options.data && join(this.options.data, name);
    return file && existsSync(file) ? file : undefined;
  }

  // The environment of a service, apart from the settings of the bus.
  settingsOf(stage) {
    const { depthScaleA, depthScaleB } = this.options;
    const settings = {
      'pedestrian-depth': { DEPTH_SCALE: depthScaleA },
      'pedestrian-location': { LOCATION_MODEL: this.given('mlp_camA.json') },
      'vehicle-depth': { DEPTH_SCALE: depthScaleB ?? (this.given('mlp_camB.json') && publishedDepthScaleB) },
      'vehicle-location': { LOCATION_MODEL: this.given('mlp_camB.json') },
      'aerial-view': { AERIAL_BACKGROUND: this.given('aerialView.png') },
    };
    const told = Object.entries(settings[stage] ?? {}).filter(([, value]) => value !== undefined);
    return Object.fromEntries(told.map(([name, value]) => [name, String(value)]));
  }

  // Starts a part that must run until it is stopped.
  startPart(group, description) {
    const part = new Part({ log: this.log(description.name), ...description });
    group.push(part.start());
    part.guard().catch(this.fail);
    return part;
  }

  async start() {
    await this.startBus();
    const started = [];
    for (const stage of stages) {
      for (let replica = 1; replica <= this.options.replicas; replica++) started.push(await this.startService(stage, replica));
    }
    await Promise.all(started.map((service) => service.ready()));
    this.report(`${stages.length} services, ${this.options.replicas} of each`);
  }

  async startBus() {
    const [port, http] = [await freePort(), await freePort()];
    this.busAddress = `127.0.0.1:${port}`;
    await this.startPart(this.bus, {
      name: 'pubsub-broker',
      command: [
        this.program('pubsub-broker'),
        ...['--listen', this.busAddress, '--http-port', String(http)],
        ...['--data-dir', join(this.folder, 'broker')],
        ...['--create-topic', `projects/${this.project}/topics/${topic}`],
      ],
      answers: () => isReady({ port: http }),
    }).ready();
    this.report(`Pub/Sub broker at ${this.busAddress}`);
  }

  busEnvironment() {
    return { GCP_PROJECT: this.project, TOPIC_NAME: topic, PUBSUB_EMULATOR_HOST: this.busAddress };
  }

  async startService(stage, replica) {
    const port = await freePort();
    return this.startPart(this.services, {
      name: `${stage} ${replica}`,
      command: [this.program(stage)],
      env: { ...this.busEnvironment(), ...this.settingsOf(stage), HTTP_PORT: String(port) },
      answers: () => isReady({ port }),
    });
  }

  startEnd(name, flags, more = {}) {
    const part = new Part({
      name,
      log: this.log(name),
      command: [this.program(name), ...flags],
      env: this.busEnvironment(),
      ...more,
    });
    this.ends.push(part.start());
    part.isReady = true;
    return part;
  }

  // Starts a consumer that exits after `count` views, or runs until it is stopped if `count` is 0.
  // Its output is on child.stdout.
  startConsumer({ labels, images }, count) {
    const summary = this.options.summary && count > 0 ? ['--summary', this.options.summary] : [];
    const flags = ['--out', this.views, '--labels', labels, '--images', images, '--count', `${count}`, ...summary];
    this.consumer = this.startEnd('pedestrian-consumer', flags, { stdout: 'pipe' });
    return this.consumer;
  }

  startProducer({ labels, images }) {
    this.producer = this.startEnd('pedestrian-producer', ['--labels', labels, '--images', images, '--rate', `${this.options.rate}`]);
  }

  // Resolves when producer and consumer have ended; rejects as soon as one of them fails.
  async endsDone() {
    const good = async (part) => {
      const { code, signal } = await part.ended;
      if (code !== 0) throw new PartFailure(part, `failed (${code === null ? signal : `exit ${code}`})`);
    };
    await Promise.all([good(this.producer), good(this.consumer)]);
  }

  // Copies views and sheets to the folder that the user named. Returns the number of views.
  leaveViews(out) {
    mkdirSync(out, { recursive: true });
    if (!existsSync(this.views)) return 0;
    cpSync(this.views, out, { recursive: true });
    return readdirSync(this.views).filter((file) => file.endsWith('.png')).length;
  }

  // A command line that sends more scenes through this pipeline.
  moreScenes() {
    const environment = Object.entries(this.busEnvironment()).map(([name, value]) => `${name}=${value}`);
    const seed = (this.options.seed + 1) % 10_000;
    return [
      ...[this.program('pedestrian-scenes'), '--out', 'more-scenes', '--seed', seed, '&&'],
      ...[...environment, this.program('pedestrian-producer'), '--labels', 'more-scenes/labels.csv', '--images', 'more-scenes'],
    ].join(' ');
  }

  // Stops producer and consumer first, then the services, then the broker, so that each part can
  // finish its work. Returns the failures of parts that did not exit cleanly.
  async stop() {
    const failures = [];
    for (const group of [this.ends, this.services, this.bus]) {
      const well = await Promise.all(group.map((part) => part.stop()));
      const bad = group.filter((_, i) => !well[i]);
      failures.push(...bad.map((part) => new PartFailure(part, 'did not end as it should')));
    }
    return failures;
  }

  kill() {
    for (const part of [...this.ends, ...this.services, ...this.bus]) part.kill();
  }

  removeFiles() {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
