// Shows what the voting machines print: each line with its machine, or, where that would be a flood,
// how far they are.

// More votes than that are not shown one by one.
const maxShownVotes = 2_000;
const terminalIntervalMs = 250;
const logIntervalMs = 10_000;

export function showMachines(machines, { totalVotes, output = process.stdout }) {
  return totalVotes <= maxShownVotes
    ? showLines(machines, output)
    : showProgress(machines, totalVotes, output);
}

// Calls `onLine` with each whole line of a stream, as a string.
export function forEachLine(stream, onLine) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    lines.forEach(onLine);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

function showLines(machines, output) {
  const width = Math.max(...machines.map((machine) => machine.name.length));
  for (const machine of machines) {
    const prefix = machine.name.padEnd(width);
    forEachLine(machine.child.stdout, (line) => output.write(`${prefix} | ${line}\n`));
  }
  return { finish() {} };
}

function showProgress(machines, totalVotes, output) {
  const started = Date.now();
  const seen = { answers: 0, timeouts: 0 };
  for (const machine of machines) {
    forEachLine(machine.child.stdout, (line) => {
      if (line.startsWith('Received')) seen.answers++;
      else if (line.startsWith('Time out')) seen.timeouts++;
    });
  }
  let before = { at: started, answers: 0 };
  const show = () => {
    const now = { at: Date.now(), answers: seen.answers };
    const rate = ((now.answers - before.answers) * 1_000) / Math.max(1, now.at - before.at);
    before = now;
    const text = progressLine(seen, totalVotes, (now.at - started) / 1_000, rate);
    output.write(output.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  };
  const timer = setInterval(show, output.isTTY ? terminalIntervalMs : logIntervalMs);
  return {
    finish() {
      clearInterval(timer);
      if (output.isTTY) output.write('\r\x1b[K');
    },
  };
}

export function progressLine({ answers, timeouts }, totalVotes, seconds, rate) {
  const share = Math.floor((answers * 100) / totalVotes);
  const late = timeouts > 0 ? `, ${timeouts} time-outs` : '';
  const votes = `${answers.toLocaleString('en-US')} of ${totalVotes.toLocaleString('en-US')}`;
  return `${votes} votes answered (${share} %), ${Math.round(rate)} a second, ${Math.round(seconds)} s${late}`;
}
