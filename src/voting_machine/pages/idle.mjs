// Ends a session whose voter has gone away: after some minutes without input a dialog asks for a
// while, and any key or touch goes on. The voter may do that as often as they like. Time is
// performance.now(), which goes on evenly when the computer's clock is set.

import { openIdle } from './dialogs.mjs';

const signs = ['keydown', 'pointerdown', 'input', 'wheel', 'touchstart'];
const tellEvery = 20_000;

// `alive` tells the machine that the voter is here; `end` ends the session.
export function watchForIdleVoter({ alive, end }) {
  let last = performance.now();
  let told = -Infinity;
  let limits;
  let warning;

  const sign = () => {
    last = performance.now();
    if (warning) {
      warning.dialog.close();
      warning = undefined;
      told = -Infinity;
    }
    if (limits && last - told >= tellEvery) {
      told = last;
      alive();
    }
  };
  for (const name of signs) document.addEventListener(name, sign, { capture: true, passive: true });

  setInterval(() => {
    if (!limits) return;
    const quiet = performance.now() - last;
    const rest = Math.ceil((limits.idle + limits.warning - quiet) / 1000);
    if (rest <= 0) {
      warning?.dialog.close();
      warning = undefined;
      limits = undefined;
      end();
    } else if (quiet >= limits.idle) {
      warning ??= openIdle(rest, sign);
      warning.show(rest);
    }
  }, 500);

  return {
    // Begins or goes on to watch, with these limits in milliseconds; without limits it stops.
    watch(next) {
      if (!limits && next) last = performance.now();
      limits = next;
    },
  };
}
