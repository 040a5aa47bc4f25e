// How a part shows that it was hit: patterns for changes of its metrics (`series value`) and for
// lines of its log, and for those that say that it is over.

import { clientsOf, dependencyNames } from '../roster.mjs';

// The part was started anew.
export const startedAnew = (parts) => ({
  parts,
  metrics: /^process_start_time_seconds /,
  log: /"event":"(http endpoint|votes without an answer found)/,
  over: { log: /"event":"ready"/ },
});

// The part stood still, or had hardly a processor.
export const stoodStill = (parts) => ({
  parts,
  metrics: /^pollbus_process_stalls_total /,
  log: /"event":"this process stood still"/,
});

// `parts` (by default all its clients) miss `server`.
export function misses(server, parts = clientsOf[server]) {
  const name = dependencyNames[server];
  const streamEnded = name === 'bus' ? '|"event":"bus: stream ended"' : '';
  return {
    parts,
    metrics: new RegExp(
      `^pollbus_dependency_(up\\{dependency="${name}"\\} 0|failures_total\\{dependency="${name}"\\})`,
    ),
    log: new RegExp(
      `"event":"not ready","part":"${name}"|"event":"unavailable","dependency":"${name}"${streamEnded}`,
    ),
    over: {
      metrics: new RegExp(`^pollbus_dependency_up\\{dependency="${name}"\\} 1`),
      log: new RegExp(`"event":"ready","part":"${name}"`),
    },
  };
}

// What `server` is asked for takes long.
export function waitsLong(server, parts) {
  const name = dependencyNames[server];
  return {
    parts,
    metrics: new RegExp(`^pollbus_dependency_(slow|failures)_total\\{dependency="${name}"\\} [1-9]`),
    log: new RegExp(`"event":"(slow|unavailable)","dependency":"${name}"`),
  };
}
