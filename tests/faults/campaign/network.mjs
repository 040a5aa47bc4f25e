// Where the processes of an election listen and how they reach each other. With the necessary rights,
// each process has a network of its own (a network namespace on a bridge), so that any two can be
// separated. Otherwise all share 127.0.0.1.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { reservePort } from '../../../scripts/local.d/ports.mjs';

const run = promisify(execFile);
const hubAddress = '10.77.0.1';
const subnet = '10.77.0.0/16';

async function command(...words) {
  await run(words[0], words.slice(1));
}

// Everything lives in the network namespace of this process and is removed with it.
export class NamespacedNetwork {
  constructor() {
    this.lastNumber = 1;
    this.hub = hubAddress;
  }

  async start() {
    await command('mount', '-t', 'tmpfs', 'tmpfs', '/run/netns').catch(async () => {
      await command('mkdir', '-p', '/run/netns');
      await command('mount', '-t', 'tmpfs', 'tmpfs', '/run/netns');
    });
    await command('ip', 'link', 'set', 'lo', 'up');
    await command('ip', 'link', 'add', 'hub', 'type', 'bridge');
    await command('ip', 'addr', 'add', `${hubAddress}/16`, 'dev', 'hub');
    await command('ip', 'link', 'set', 'hub', 'up');
  }

  async addNode(name) {
    const number = ++this.lastNumber;
    const host = `10.77.0.${number}`;
    const [outside, inside] = [`veth${number}`, 'eth0'];
    await command('ip', 'netns', 'add', name);
    await command('ip', 'link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', name);
    await command('ip', 'link', 'set', outside, 'master', 'hub', 'up');
    await command('ip', '-n', name, 'addr', 'add', `${host}/16`, 'dev', inside);
    await command('ip', '-n', name, 'link', 'set', inside, 'up');
    await command('ip', '-n', name, 'link', 'set', 'lo', 'up');
    return { name, host, wrap: (words) => ['nsenter', `--net=/run/netns/${name}`, '--', ...words] };
  }

  // Returns a port that is not used on that node.
  async port() {
    this.nextPort = (this.nextPort ?? 9_000) + 1;
    return this.nextPort;
  }

  // Makes `node` hear nothing from `peer` (`deaf`) or send nothing to it (`mute`). `peer` is a node, or
  // undefined for all nodes except the hub. Returns a function that ends this.
  async part(node, peer, { deaf, mute }) {
    const from = peer ? ['-s', peer.host] : ['-s', subnet, '!', '-i', 'lo'];
    const to = peer ? ['-d', peer.host] : ['-d', subnet, '!', '-o', 'lo'];
    const rules = [
      ...(deaf ? [['INPUT', ...from, '-j', 'DROP']] : []),
      ...(mute ? [['OUTPUT', ...to, '-j', 'DROP']] : []),
      // Rules are inserted at the front, so these two win: the hub, with the watchers and proxies, passes.
      ...(peer
        ? []
        : [
            ['INPUT', '-s', hubAddress, '-j', 'ACCEPT'],
            ['OUTPUT', '-d', hubAddress, '-j', 'ACCEPT'],
          ]),
    ];
    const iptables = (action, rule) => command(...node.wrap(['iptables', '-w', action, ...rule]));
    for (const rule of rules) await iptables('-I', rule);
    return async () => {
      for (const rule of rules) await iptables('-D', rule);
    };
  }
}

export class LoopbackNetwork {
  constructor() {
    this.hub = '127.0.0.1';
  }

  async start() {}

  async addNode(name) {
    return { name, host: '127.0.0.1', wrap: (words) => words };
  }

  async port() {
    const { port, release } = await reservePort();
    await release();
    return port;
  }
}
