// A place in the election and the process that fills it. A process that ends is started again, as an
// orchestrator would do.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { Part } from '../../../scripts/local.d/part.mjs';

const restartPauseMs = 300;
// For this long after a fault, the end of a process counts as an effect of that fault.
const aftermathMs = 15_000;
const replaceDeadlineMs = 20_000;

// The ids of the children of every process on this machine, by the id of the parent.
function processTree() {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z') continue;
      children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(entry)]);
    } catch {
      // The process has ended in the meantime.
    }
  }
  return children;
}

export class Role {
  // `describe(role)` returns how to start the next process: { command, env, answers, stopSignal }.
  // `tell(event)` gets its starts and ends.
  constructor({ name, node, log, describe, tell }) {
    Object.assign(this, { name, node, log, describe, tell });
    this.life = 0;
    this.faultsNow = 0;
    this.lastFaultAt = 0;
    this.isHeld = true;
    // Environment variables that a fault adds.
    this.extraEnv = {};
    this.unexplainedEnds = [];
  }

  start() {
    this.isHeld = false;
    this.part = this.newPart();
    return this;
  }

  newPart() {
    this.life++;
    const { command, env = {}, answers, stopSignal } = this.describe(this);
    const part = new Part({
      name: this.name,
      log: this.log,
      command: this.node.wrap(command),
      env: { ...env, ...this.extraEnv },
      answers: answers ?? (() => true),
      stopSignal,
    }).start();
    part.ended.then((end) => this.onEnd(part, end));
    this.tell({ what: 'started', life: this.life });
    return part;
  }

  onEnd(part, end) {
    if (part !== this.part || part.stopping) return;
    const why = end.code === null ? end.signal : `exit ${end.code}`;
    this.tell({ what: 'ended', why });
    this.onEnded?.();
    if (this.mayEnd?.(end)) return;
    if (this.faultsNow === 0 && Date.now() - this.lastFaultAt > aftermathMs) this.unexplainedEnds.push(why);
    if (!this.isHeld) this.startAgain(part);
  }

  async startAgain(part) {
    await pause(restartPauseMs);
    if (!this.isHeld && this.part === part) this.part = this.newPart();
  }

  faultBegins() {
    this.faultsNow++;
  }

  faultEnds() {
    this.faultsNow--;
    this.lastFaultAt = Date.now();
  }

  get pid() {
    return this.part?.end ? undefined : this.part?.child?.pid;
  }

  // The ids of its process and of all descendants.
  pids() {
    const children = processTree();
    const found = [];
    const collect = (pid) => {
      found.push(pid);
      (children.get(pid) ?? []).forEach(collect);
    };
    if (this.pid) collect(this.pid);
    return found;
  }

  signal(name, pids = this.pid ? [this.pid] : []) {
    for (const pid of pids) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
  }

  // Does not start the process again until release().
  hold() {
    this.isHeld = true;
  }

  release() {
    if (!this.isHeld) return;
    this.isHeld = false;
    if (!this.part || this.part.end) this.part = this.newPart();
  }

  // Ends the process by SIGTERM, as an orchestrator does. Returns whether it ended well and in time.
  async stop() {
    this.hold();
    if (!this.part || this.part.end) return true;
    this.part.isReady = true;
    return this.part.stop();
  }

  async ready() {
    await this.part.ready();
  }

  // Starts a new process and stops the old one when the new one is ready. Returns a sentence if that
  // went wrong.
  async replace() {
    const old = this.part;
    if (!old || old.end) return undefined;
    if (this.nextHttp) this.http = await this.nextHttp();
    this.part = this.newPart();
    const deadline = Date.now() + replaceDeadlineMs;
    while (!this.part.end && !(await this.part.answers()) && Date.now() < deadline) await pause(100);
    old.isReady = true;
    const began = Date.now();
    const endedWell = await old.stop();
    this.tell({ what: 'replaced', tookMs: Date.now() - began });
    return endedWell ? undefined : `${this.name}: did not end with exit code 0 at SIGTERM`;
  }
}
