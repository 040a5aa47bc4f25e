// One run: an election begins, faults are made while machines vote, every fault is healed, all votes
// are answered, and the checker judges.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { countInMetrics, page } from '../../../scripts/local.d/http.mjs';
import { baseEnvironment } from '../../../scripts/local.d/part.mjs';
import { dumpBallots, dumpMarks, removeMarks } from './dump.mjs';
import { Faults, promises } from './faults.mjs';
import { Progress } from './progress.mjs';
import { shortcomings, summariseFaults, unreachedPrograms } from './report.mjs';
import * as roster from './roster.mjs';
import { System, electionId } from './system.mjs';
import { Watch } from './watch.mjs';

// How long faults take, so that the votes can be cast at a rate at which they last as long.
const aloneSeconds = 14;
const stormSecondsAFault = 1;
const leastStormSeconds = 10;
const leastVotesPerSecond = 30;
const warmUpMs = 3_000;
const recoveryMs = 90_000;
const drainMs = 240_000;
// While faults happen, the election is paused so often and for so long.
const pauses = { everyMs: 12_000, forMs: 700 };
// Votes are cast for so long before the election is closed and after that.
const aroundCloseMs = 1_500;
const checkerTimeoutMs = 300_000;
const maxVerdictBytes = 64 * 1024 * 1024;

export class Campaign {
  // `plan`: as drawPlan() returns it. `kinds`: those that this machine can make.
  constructor(parts) {
    Object.assign(this, parts);
    const { votes, seed, seconds } = this.options;
    this.stormSeconds = seconds ?? Math.max(leastStormSeconds, this.plan.storm.length * stormSecondsAFault);
    const planned = this.stormSeconds + this.plan.alone.length * aloneSeconds;
    const votesPerSecond = Math.max(leastVotesPerSecond, Math.ceil(votes / planned));
    this.load = { votesPerSecond, voters: votes, seed, isOver: false };
    this.system = new System({ ...parts, load: this.load, tell: (event) => this.onEvent(event) });
    this.isInterrupted = false;
  }

  onEvent(event) {
    this.watch?.add(event.part, 'harness', JSON.stringify(event));
  }

  // Stops everything in order, and ends then.
  interrupt() {
    this.isInterrupted = true;
    this.faults?.end();
  }

  kill() {
    this.system.kill();
  }

  async run() {
    const begun = Date.now();
    const { system } = this;
    try {
      await system.start();
      this.watch = new Watch([...system.roles.values()]);
      this.ledger = system.ledger;
      this.faults = new Faults({ ...this, votesPerSecond: this.load.votesPerSecond });
      this.watch.start();
      this.progress = new Progress(this);
      await this.vote();
      if (!this.isInterrupted) await this.drain();
    } catch (error) {
      system.problems.push(error.stack);
    }
    await this.end();
    const seconds = Math.round((Date.now() - begun) / 1_000);
    const report = this.report(seconds);
    const keep = report.violations !== 0 || report.problems.length > 0 || this.options.keep;
    await system.leaveDisks({ keep });
    return report;
  }

  async vote() {
    for (const role of this.system.rolesNamed(roster.machines)) role.start();
    this.progress.start();
    await sleep(warmUpMs);
    await this.faults.makeAlone(this.plan.alone, (fault) => this.progress.onAlone(fault));
    const mostSeconds = this.options.seconds ?? Infinity;
    const pausing = this.system.office.interruptVoting(pauses);
    await this.faults.storm(this.plan.storm, { seconds: this.stormSeconds, mostSeconds });
    this.system.office.end();
    await pausing;
    const lastHealAt = Math.max(...this.faults.made.map(({ healedAt }) => healedAt));
    if (!this.isInterrupted && this.plan.storm.length > 0) this.lastHeal = await this.recovery(lastHealAt);
  }

  // Measures how soon the system recovers after `since`, while votes are still cast.
  async recovery(since) {
    const found = {};
    const rate = promises.rate * this.load.votesPerSecond;
    while (!this.isInterrupted && Date.now() < since + recoveryMs) {
      found.rateAfterMs ??= this.ledger.recoveredAfter(since, rate, 2_000, Date.now() - 300);
      found.resolvedAfterMs ??= this.ledger.resolvedAfter(since);
      if (found.rateAfterMs !== undefined && found.resolvedAfterMs !== undefined) break;
      await sleep(100);
    }
    return found;
  }

  // Casts the remaining votes, and waits for all answers.
  async drain() {
    const { system, load } = this;
    const machines = system.rolesNamed(roster.machines);
    await Promise.all(machines.map((role) => role.stop()));
    const left = Math.max(0, this.options.votes - this.ledger.cast);
    load.rest = (name) => (roster.machines.includes(name) ? Math.ceil(left / machines.length) : 0);
    load.isOver = true;
    const twins = system.rolesNamed(roster.twins).filter((role) => role.life > 0);
    for (const roles of [machines, twins]) await this.untilAllAnswered(roles);
    await this.close(machines);
    await this.untilNothingWaits();
    await system.witness.drain();
    for (const role of [...machines, ...twins]) system.noteJournal(role.name, 'left');
    for (const notice of await system.bus.readNotices())
      system.addEvidence('notices', { event: 'notice', ...notice });
  }

  // Closes the election while votes are cast and a logger is stopped, which goes on after the close.
  async close(machines) {
    const { system, load } = this;
    const logger = system.role(roster.loggers[0]);
    load.isOver = false;
    for (const role of machines) role.start();
    await sleep(aroundCloseMs);
    logger.signal('SIGSTOP', logger.pids());
    try {
      await system.office.close();
    } finally {
      logger.signal('SIGCONT', logger.pids());
    }
    await sleep(aroundCloseMs);
    await Promise.all(machines.map((role) => role.stop()));
    load.isOver = true;
    load.rest = () => 0;
    await this.untilAllAnswered(machines);
  }

  async untilAllAnswered(roles) {
    const deadline = Date.now() + drainMs;
    for (const role of roles) role.release();
    const isDone = (role) => role.part.end?.code === 0;
    while (!roles.every(isDone) && !this.isInterrupted && Date.now() < deadline) await sleep(100);
    for (const role of roles.filter((one) => !isDone(one))) {
      this.system.problems.push(
        `${role.name}: votes without an answer ${drainMs / 1_000} s after all faults had healed`,
      );
    }
  }

  // Returns when loggers and recorders have acked every message.
  async untilNothingWaits() {
    const broker = this.system.role('broker');
    const deadline = Date.now() + drainMs;
    while (Date.now() < deadline) {
      const text = (await page(broker.http, '/metrics')) ?? '';
      const lines = text
        .split('\n')
        .filter((line) => /election-(submit|record)-sub/.test(line))
        .join('\n');
      if (countInMetrics(lines, 'broker_subscription_backlog_messages') === 0) return;
      await sleep(200);
    }
    this.system.problems.push(
      `messages are left on the topic ${drainMs / 1_000} s after the last vote was answered`,
    );
  }

  async end() {
    const { system } = this;
    const attempt = (step) => step.catch((error) => system.problems.push(error.stack));
    if (!this.isInterrupted && this.load.isOver) await attempt(this.judge());
    this.progress?.stop();
    await this.watch?.stop();
    system.problems.push(...(await system.stop()));
    for (const role of system.roles.values()) {
      system.problems.push(...role.unexplainedEnds.map((why) => `${role.name} ended unexpectedly (${why})`));
    }
    if (!this.faults) return;
    const reached = this.watch.events.filter(({ text }) => text.includes('"event":"failpoint: ')).map(({ part }) => part);
    system.problems.push(...shortcomings(this.faults.made), ...unreachedPrograms(this.faults.made, reached));
  }

  async judge() {
    const { system, folder } = this;
    const redis = system.redisConnections();
    await dumpMarks({ file: system.evidenceFile('marks'), redis, election: electionId });
    await system.refuse.accept();
    const voters = system.refused.map((uuid) => system.voters.get(uuid));
    if (voters.length > 0) await removeMarks({ redis, election: electionId, voters });
    await system.office.certify();
    await dumpBallots({ file: system.evidenceFile('ballots'), postgres: system.postgres });
    const { LOGGER_KEY, PSEUDONYM_KEY } = system.secrets;
    const verdict = join(folder, 'verdict.json');
    const result = await new Promise((resolve) => {
      execFile(
        join(this.programs, 'election-checker'),
        ['--evidence', join(folder, 'evidence'), '--json', verdict],
        {
          env: { ...baseEnvironment(), LOGGER_KEY, PSEUDONYM_KEY },
          maxBuffer: maxVerdictBytes,
          timeout: checkerTimeoutMs,
        },
        (error, stdout, stderr) => resolve({ code: error ? error.code : 0, text: stdout + stderr }),
      );
    });
    writeFileSync(join(folder, 'verdict.txt'), result.text);
    if (![0, 1].includes(result.code))
      throw new Error(`election-checker ended with ${result.code}: ${result.text}`);
    this.violations = result.code === 0 ? 0 : await violationsIn(verdict);
  }

  report(seconds) {
    const { options, faults, ledger, system } = this;
    const kinds = summariseFaults(this.kinds, faults?.made ?? []);
    return {
      seed: options.seed,
      seconds,
      kinds,
      skipped: this.skipped,
      faults: {
        asked: options.faults,
        made: faults?.made.length ?? 0,
        kinds: kinds.filter(({ made }) => made > 0).length,
      },
      votes: {
        cast: ledger?.cast ?? 0,
        answered: ledger?.answered ?? 0,
        pending: ledger?.pending ?? 0,
        perSecond: this.load.votesPerSecond,
      },
      lastHeal: this.lastHeal,
      closedBy: system.office.isClosedByClock ? 'the clock of Redis' : 'the office',
      violations: this.violations,
      problems: system.problems,
      list: (faults?.made ?? []).map(describeFault),
    };
  }
}

async function violationsIn(file) {
  const { readFileSync } = await import('node:fs');
  return JSON.parse(readFileSync(file, 'utf8')).violations.length;
}

const describeFault = ({ id, kind, params, beganAt, healedAt, alone, seen }) => ({
  id,
  kind: kind.name,
  ...params,
  beganAt: new Date(beganAt).toISOString(),
  healedAfterMs: healedAt - beganAt,
  ...(alone && { alone, seen }),
});
