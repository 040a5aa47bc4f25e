// scripts/demo --people and --election: the machines vote, and the office's commands come from the
// terminal, or with --exit from here.

import { exitCodes } from '../local.d/running.mjs';
import { forEachLine } from '../local.d/lines.mjs';
import { LocalFailure } from '../local.d/part.mjs';
import { showProgress } from './machines.mjs';
import { votesPerSecond } from './summary.mjs';
import { commandsText, heldText, peopleText } from './texts.mjs';

const ending = ['close', 'seal', 'certify'];
// What can be typed, and what it does. Each is a command of election-office, for all elections.
const commands = {
  status: 'show the elections and what comes next',
  pause: 'pause the voting',
  resume: 'let the voting go on',
  close: 'close the voting for good',
  seal: 'wait for the last votes, then let none be added any more',
  certify: 'certify the result',
  results: 'show the results',
  history: 'show and verify all events',
};

function helpText() {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, what]) => `  ${name.padEnd(width)}  ${what}`);
  return ['Commands:', ...lines, `  ${'codes'.padEnd(width)}  show addresses and codes again`].join('\n');
}

// Runs the commands that are typed, one after the other, until the demo ends.
class Terminal {
  constructor(election, say) {
    Object.assign(this, { election, say, last: Promise.resolve() });
    forEachLine(process.stdin, (line) => {
      this.last = this.last.then(() => this.act(line.trim().toLowerCase()));
    });
    // Without a terminal there may be no input at all.
    process.stdin.on('error', () => {});
  }

  async act(command) {
    if (command === '') return;
    if (command === 'codes' && this.election.options.people) this.say(`${peopleText(this.election)}\n`);
    else if (command in commands) this.say(`\n${await this.answer(command)}\n`);
    else this.say(helpText());
  }

  answer(command) {
    return this.election.officeSays(command, '--all').catch((error) => {
      if (error instanceof LocalFailure) return error.message;
      throw error;
    });
  }
}

// Returns the exit code when the machines are done and, with --exit, the election is certified.
// Without --exit, commands can be typed before and after that. `endOf` is awaited for everything
// that Ctrl-C may end.
export async function hold(election, endOf, say) {
  const { options } = election;
  const machines = await election.startMachines();
  console.log(heldText(election));
  if (options.people) console.log(peopleText(election));
  if (!options.exit) {
    console.log(commandsText(election));
    new Terminal(election, say);
  }
  // With people, the board shows the progress, and the terminal is for commands.
  const shown = options.people && !options.exit
    ? showNothing(machines)
    : showProgress(machines, election.totalVotes);
  const summaries = await endOf(election.machineSummaries()).finally(() => shown.finish());
  say(`The simulated machines have cast all their votes: ${votesPerSecond(summaries).toLocaleString('en-US')} a second.`);
  if (!options.exit) return exitCodes.ok;
  for (const command of ending) say(`\n$ election-office ${command}\n${await endOf(election.officeSays(command, '--all'))}`);
  say(`\n$ election-office results\n${await endOf(election.officeSays('results', '--all'))}`);
  const wrong = await endOf(election.disagreements(summaries));
  for (const sentence of wrong) say(`This is wrong: ${sentence}.`);
  return wrong.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function showNothing(machines) {
  for (const machine of machines) machine.child.stdout.resume();
  return { finish() {} };
}
