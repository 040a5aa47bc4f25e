// How a part shows that a fault hit it: a pattern for changes of its metrics (`series value`) and one
// for lines of its log. `over` holds the patterns that show the end of the fault.

import { clientsOf, dependencyNames, kindOf } from '../roster.mjs';

// Log events that show faults. A test checks that the programs log them.
export const logEvents = {
  started: 'http endpoint',
  recovered: 'the journal has unanswered votes of an earlier run',
  stalled: 'process was stalled',
  clock: 'the wall clock jumped',
  ready: 'ready',
  notReady: 'not ready',
  unavailable: 'unavailable',
  slow: 'slow',
  streamEnded: 'bus: stream ended',
  unknownAnswers: 'answers came to votes that are not pending',
  quarantined: 'messages quarantined',
};

// Matches the line of a log event, with the given fields right after it.
export const logs = (name, fields = '') => new RegExp(logText(name, fields));
const logText = (name, fields) => `"event":"${logEvents[name]}${fields && `",${fields}`}`;

// The process was started again.
export const startedAnew = (parts) => ({
  parts,
  metrics: /^process_start_time_seconds /,
  log: new RegExp(`${logText('started', '')}|${logText('recovered', '')}`),
  over: { log: new RegExp(`${logText('ready', '')}"`) },
});

// The process was stopped, or had hardly any processor time.
export const stalled = (parts) => ({
  parts,
  metrics: /^pollbus_process_stalls_total /,
  log: logs('stalled'),
});

// `parts` (by default all clients) cannot use `server`.
export function misses(server, parts = clientsOf[kindOf(server)]) {
  const name = dependencyNames[kindOf(server)];
  const texts = [
    logText('notReady', `"part":"${name}"`),
    logText('unavailable', `"dependency":"${name}"`),
    ...(name === 'bus' ? [logText('streamEnded', '')] : []),
  ];
  return {
    parts,
    metrics: new RegExp(
      `^pollbus_dependency_(up\\{dependency="${name}"\\} 0|failures_total\\{dependency="${name}"\\})`,
    ),
    log: new RegExp(texts.join('|')),
    over: {
      metrics: new RegExp(`^pollbus_dependency_up\\{dependency="${name}"\\} 1`),
      log: logs('ready', `"part":"${name}"`),
    },
  };
}

// Calls of `server` take long.
export function waitsLong(server, parts) {
  const name = dependencyNames[kindOf(server)];
  const dependency = `"dependency":"${name}"`;
  return {
    parts,
    metrics: new RegExp(`^pollbus_dependency_(slow|failures)_total\\{dependency="${name}"\\} [1-9]`),
    log: new RegExp(`${logText('slow', dependency)}|${logText('unavailable', dependency)}`),
  };
}
