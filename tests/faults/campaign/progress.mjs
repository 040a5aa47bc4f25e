// Shows the progress of a run: one line that is redrawn on a terminal, or a line now and then in a log.

const terminalIntervalMs = 1_000;
const logIntervalMs = 15_000;

const count = (number) => number.toLocaleString('en-US');
const seconds = (ms) => (ms === undefined ? 'never' : `${(ms / 1_000).toFixed(1)} s`);

export class Progress {
  constructor({ faults, ledger, plan, system }, output = process.stdout) {
    Object.assign(this, { faults, ledger, plan, system, output });
    this.begun = Date.now();
    this.shownProblems = 0;
  }

  start() {
    this.timer = setInterval(() => this.show(), this.output.isTTY ? terminalIntervalMs : logIntervalMs);
  }

  line() {
    const { faults, ledger } = this;
    const all = this.plan.alone.length + this.plan.storm.length;
    const now = Date.now();
    const active = [...faults.active].map(({ kind, params }) => `${kind.name} (${params.target})`);
    return (
      `${Math.round((now - this.begun) / 1_000)} s: ${count(faults.made.length)} of ${count(all)} faults, ` +
      `${count(ledger.answered)} of ${count(ledger.cast)} votes answered, ` +
      `${Math.round(ledger.rate(now - 5_000, now))} a second` +
      (active.length > 0 ? `; now ${active.join(', ')}` : '')
    );
  }

  show() {
    this.print(this.line(), this.output.isTTY);
    for (const problem of this.system.problems.slice(this.shownProblems)) this.print(`! ${problem}`);
    this.shownProblems = this.system.problems.length;
  }

  print(text, isTransient = false) {
    if (!this.output.isTTY) this.output.write(`${text}\n`);
    else this.output.write(`\r\x1b[K${text}${isTransient ? '' : '\n'}`);
  }

  onAlone({ kind, params, alone }) {
    this.print(
      `${kind.name} (${params.failpoint ?? params.target}) alone: rate back after ${seconds(alone.rateAfterMs)}, ` +
        `all answered after ${seconds(alone.resolvedAfterMs)}`,
    );
  }

  stop() {
    clearInterval(this.timer);
    if (this.output.isTTY) this.output.write('\r\x1b[K');
  }
}
