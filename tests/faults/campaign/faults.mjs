// Makes faults: one alone, with its recovery measured, or a storm of many at the same time.

import { setTimeout as sleep } from 'node:timers/promises';

import * as roster from './roster.mjs';

// At most so many faults at the same time, in all and of those that hit a server.
const maxAtOnce = 6;
const maxServersAtOnce = 2;
const tickMs = 50;

// What must hold after a fault has healed (docs/reliability.md).
export const promises = { rate: 0.9, rateWithinMs: 10_000, resolvedWithinMs: 60_000 };
const rateWindowMs = 2_000;
const patienceMs = 90_000;
// How long after its heal a fault may take to show.
const visibleWithinMs = 15_000;

// How long making or healing a fault may take. Anything longer is a mistake of the campaign.
const stepWithinMs = 180_000;

async function within(step) {
  const waited = new AbortController();
  const tooLong = sleep(stepWithinMs, undefined, { signal: waited.signal }).then(() => {
    throw new Error(`it did not finish within ${stepWithinMs / 1_000} s`);
  });
  try {
    return await Promise.race([step, tooLong]);
  } finally {
    waited.abort();
    tooLong.catch(() => {});
  }
}

export class Faults {
  constructor({ system, watch, ledger, votesPerSecond }) {
    Object.assign(this, { system, watch, ledger, votesPerSecond });
    this.locks = system.locks;
    this.active = new Set();
    this.made = [];
    this.isOver = false;
    this.over = new AbortController();
  }

  // Makes a fault whose locks are taken. Returns when it has healed.
  async make(fault) {
    const { id, kind, params } = fault;
    const roles = kind
      .locks(params)
      .map((name) => this.system.role(name))
      .filter(Boolean);
    this.active.add(fault);
    for (const role of roles) role.faultBegins();
    this.system.addEvidence('faults', { event: 'fault', id, kind: kind.name, target: params.target });
    fault.beganAt = Date.now();
    let heal;
    try {
      heal = await within(kind.begin(this.system, params));
      if (!kind.waits) await this.last(params.durationMs);
    } catch (error) {
      this.system.problems.push(`${kind.name} at ${params.target} could not be made: ${error.message}`);
    }
    try {
      await within(heal?.());
    } catch (error) {
      this.system.problems.push(`${kind.name} at ${params.target} could not be healed: ${error.message}`);
    }
    fault.healedAt = Date.now();
    this.system.addEvidence('faults', { event: 'heal', id });
    for (const role of roles) role.faultEnds();
    this.active.delete(fault);
    this.made.push(fault);
  }

  // Waits for the duration of a fault, or until everything ends.
  async last(durationMs) {
    await sleep(durationMs, undefined, { signal: this.over.signal }).catch(() => {});
  }

  async makeAlone(faults, onDone) {
    for (const fault of faults) {
      if (this.isOver) return;
      await this.untilHealthy();
      const locks = fault.kind.locks(fault.params);
      await this.locks.take(locks);
      await this.make(fault);
      this.locks.give(locks);
      await this.measure(fault);
      onDone(fault);
    }
  }

  async untilHealthy() {
    const deadline = Date.now() + patienceMs;
    while (!this.isOver && Date.now() < deadline) {
      const now = Date.now();
      const oldest = this.ledger.oldestPendingAt ?? now;
      const rate = this.ledger.rate(now - rateWindowMs, now);
      if (now - oldest < 1_000 && rate >= promises.rate * this.votesPerSecond) return;
      await this.last(100);
    }
  }

  // Waits for the recovery from a fault that was made alone, and notes how long it took.
  async measure(fault) {
    const { healedAt } = fault;
    fault.alone = {};
    const rate = promises.rate * this.votesPerSecond;
    while (!this.isOver && Date.now() < healedAt + patienceMs) {
      fault.alone.rateAfterMs ??= this.ledger.recoveredAfter(
        healedAt,
        rate,
        rateWindowMs,
        Date.now() - 300,
      );
      fault.alone.resolvedAfterMs ??= this.ledger.resolvedAfter(healedAt);
      if (fault.alone.rateAfterMs !== undefined && fault.alone.resolvedAfterMs !== undefined) break;
      await this.last(100);
    }
    fault.alone.isMeasured = !this.isOver;
    await this.lookFor(fault);
  }

  // Finds out how the parts that were hit have shown the fault.
  async lookFor(fault) {
    const { beganAt, healedAt, kind, params } = fault;
    const { parts, metrics, log, over } = kind.signs(params);
    const find = () => {
      const until = healedAt + visibleWithinMs;
      const first = (source, pattern, since) =>
        pattern && this.watch.first({ since, until, parts, source, pattern });
      const after = (time, since) => (time === undefined ? undefined : time - since);
      return {
        metricsAfterMs: after(first('metrics', metrics, beganAt), beganAt),
        logAfterMs: after(first('log', log, beganAt), beganAt),
        overMetricsAfterMs: after(first('metrics', over?.metrics, healedAt), healedAt),
        overLogAfterMs: after(first('log', over?.log, healedAt), healedAt),
      };
    };
    const isMissing = (seen) =>
      (metrics && seen.metricsAfterMs === undefined) || (log && seen.logAfterMs === undefined);
    fault.seen = find();
    while (!this.isOver && isMissing(fault.seen) && Date.now() < healedAt + visibleWithinMs) {
      await this.last(200);
      fault.seen = find();
    }
    fault.isVisible = !isMissing(fault.seen);
  }

  // Begins the faults evenly over `seconds`, as far as they can be made at the same time. After
  // `mostSeconds`, the remaining ones are left out.
  async storm(faults, { seconds, mostSeconds }) {
    const began = Date.now();
    const gapMs = (seconds * 1_000) / Math.max(1, faults.length);
    const waiting = [];
    const running = new Set();
    let next = 0;
    while (!this.isOver && (next < faults.length || waiting.length > 0 || running.size > 0)) {
      const now = Date.now();
      while (next < faults.length && now >= began + next * gapMs) waiting.push(faults[next++]);
      if (now > began + mostSeconds * 1_000) {
        waiting.length = 0;
        next = faults.length;
      }
      for (const fault of [...waiting]) {
        if (!this.mayBegin(fault)) continue;
        waiting.splice(waiting.indexOf(fault), 1);
        const done = this.makeInStorm(fault).finally(() => running.delete(done));
        running.add(done);
      }
      await sleep(tickMs);
    }
    await Promise.all(running);
  }

  mayBegin(fault) {
    const locks = fault.kind.locks(fault.params);
    const hitsServer = (names) => names.some(roster.isServer);
    const servers = [...this.active].filter(({ kind, params }) => hitsServer(kind.locks(params))).length;
    if (this.active.size >= maxAtOnce || (hitsServer(locks) && servers >= maxServersAtOnce)) return false;
    return this.locks.tryTake(locks);
  }

  async makeInStorm(fault) {
    await this.make(fault);
    this.locks.give(fault.kind.locks(fault.params));
  }

  // Heals all faults and begins no new ones.
  end() {
    this.isOver = true;
    this.over.abort();
  }
}
