// The voter's page. It shows what the machine says (machine.mjs) and keeps nothing itself: whatever
// happens to the page, the next one shows the same. docs/kiosk.md describes the steps.

import { openDisplay, openLeave } from './dialogs.mjs';
import { watchForIdleVoter } from './idle.mjs';
import { act, readState } from './machine.mjs';
import { t, useLanguage } from './texts.mjs';
import * as views from './views.mjs';

const pollEvery = 1_000;
const pollWhileSending = 250;
// The machine is called away after this many polls without an answer, so that a short pause does not
// alarm anyone.
const failuresBeforeAway = 4;
// How long the machine's list of sessions is certain to be complete.
const trustedFor = 120_000;

const main = document.getElementById('main');
const actions = document.getElementById('actions');
const announcer = document.getElementById('announcer');

let shown;           // the state that the page shows
let busy = false;    // a step is under way
let castUnderWay = false;
let castAt = 0;      // when it began
let failures = 0;
let closesAt;        // when the answer leaves the page
let displayDialog;

const idle = watchForIdleVoter({ alive: () => act(shown, 'alive').catch(() => {}), end: () => leave() });

// --- Drawing ---------------------------------------------------------------------------------------

function applyDisplay(display) {
  Object.assign(document.documentElement, { lang: display.language, dir: display.direction });
  document.documentElement.dataset.size = display.size;
  document.documentElement.dataset.theme = display.theme;
}

function drawBar(state) {
  document.getElementById('event').textContent = state.event;
  document.title = state.event;
  const test = document.getElementById('test');
  test.hidden = !state.is_test;
  test.textContent = t('kiosk.test');
  const buttons = [views.button(t('display'), () => showDisplay(), { id: 'display-button' })];
  if (['identify', 'contest', 'review'].includes(state.stage))
    buttons.unshift(views.button(t('kiosk.leave'), () => openLeave(leave), { id: 'leave-button' }));
  document.getElementById('bar-buttons').replaceChildren(...buttons);
}

function drawActions(view) {
  actions.hidden = view.actions.length === 0;
  const row = document.createElement('div');
  row.className = 'column';
  row.append(...view.actions);
  if (view.hasMore) {
    const more = views.moreButton(() => window.scrollBy({ top: (window.innerHeight - actions.offsetHeight) * 0.8 }));
    row.insertBefore(more, row.lastChild);
  }
  actions.replaceChildren(row);
  showMore();
}

// Whether content continues below the screen.
function showMore() {
  const more = document.getElementById('more');
  if (!more) return;
  const rest = document.documentElement.scrollHeight - window.scrollY - window.innerHeight;
  more.style.visibility = rest > 8 ? 'visible' : 'hidden';
}
window.addEventListener('scroll', showMore, { passive: true });
window.addEventListener('resize', showMore);

function draw(state) {
  const view = views[state.stage](state, press);
  const box = document.createElement('div');
  box.className = 'stack';
  box.append(...view.content.filter(Boolean));
  main.replaceChildren(box);
  drawBar(state);
  drawActions(view);
  return view;
}

// Shows a state. The focus moves to the heading when the step is another one, and stays otherwise.
async function show(state) {
  failures = 0;
  document.getElementById('away')?.remove();
  const before = shown;
  if (before && before.session === state.session && state.revision < before.revision) return undefined;  // overtaken
  if (before && wasLost(state)) return startAgain(state);
  if (before?.stage === 'answer' && before.session !== state.session) return window.location.replace('/');
  if (before && JSON.stringify(before) === JSON.stringify({ ...state, ends_in_ms: before.ends_in_ms })) {
    updateCountdown(state);
    return undefined;
  }
  await useLanguage(state.display.language);
  applyDisplay(state.display);
  shown = state;
  if (state.stage === 'answer') castUnderWay = false;
  const isNewStep = !before || before.session !== state.session || before.stage !== state.stage ||
    before.contest?.index !== state.contest?.index || (state.stage === 'identify' && before.revision !== state.revision);
  const focused = document.activeElement?.id;
  const keep = isNewStep ? undefined : selection();
  const view = draw(state);
  if (keep) restoreSelection(keep);
  if (isNewStep) {
    window.scrollTo(0, 0);
    if (before) (view.focus ?? document.getElementById('heading')).focus();
  } else if (!displayDialog?.open) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
  if (!isNewStep && state.stage === 'answer') announcer.textContent = views.answerTitle(state.lines);
  closesAt = undefined;
  updateCountdown(state);
  const isVoting = ['identify', 'contest', 'review'].includes(state.stage);
  idle.watch(isVoting ? { idle: state.idle_ms, warning: state.warning_ms } : undefined);
  return undefined;
}

// What the voter has chosen or typed on this page and not yet confirmed.
function selection() {
  const choice = main.querySelector('input[name=choice]:checked')?.id;
  const text = document.getElementById('field')?.value;
  return choice || text ? { choice, text } : undefined;
}

function restoreSelection({ choice, text }) {
  const input = choice && document.getElementById(choice);
  if (input) {
    input.checked = true;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }
  const field = document.getElementById('field');
  if (field && text) field.value = text;
}

function updateCountdown(state) {
  if (state.ends_in_ms === undefined) return;
  closesAt = performance.now() + state.ends_in_ms;
}

setInterval(() => {
  const line = document.getElementById('countdown');
  if (!line || closesAt === undefined) return;
  const rest = Math.max(0, Math.ceil((closesAt - performance.now()) / 1000));
  line.textContent = t('kiosk.closes-in', { seconds: rest });
  if (rest === 0) leave();
}, 250);

// --- Steps -----------------------------------------------------------------------------------------

async function press(action, fields = {}) {
  if (busy) return;
  if (action === 'end') {
    await leave();
    return;
  }
  busy = true;
  const isCast = action === 'cast';
  if (isCast) {
    castUnderWay = true;
    castAt = performance.now();
  }
  try {
    const { revision } = shown;
    await show(await act(shown, action, fields));
    if (!isCast) return;
    castUnderWay = false;
    if (shown.stage === 'review' && shown.revision !== revision) say(t('kiosk.review.changed'));
  } catch {
    failures += 1;  // the next poll shows what the machine has done
  } finally {
    busy = false;
  }
}

// Ends the session and loads the page anew, so that nothing of the voter stays in its memory. A machine
// that does not answer is waited for with an empty page: a browser that loads nothing would show an error,
// and the machine shows the session again when it is back.
async function leave() {
  busy = true;
  closesAt = undefined;
  idle.watch(undefined);
  let current = shown;
  for (let isFirst = true; ; isFirst = false) {
    try {
      if (!isFirst) current = await readState();
      if (current.session === shown.session) await act(current, 'end');
      break;
    } catch {
      if (isFirst) draw({ ...shown, stage: 'start', elections: [], is_event_known: false });
      await new Promise((resolve) => { setTimeout(resolve, pollEvery); });
    }
  }
  window.location.replace('/');
}

// Whether the machine has given up the session of this page without an answer.
function wasLost(state) {
  const hadBallot = ['identify', 'contest', 'review'].includes(shown.stage);
  return hadBallot && state.session !== shown.session;
}

// Only a ballot whose cast was not confirmed can have been cast without this page knowing. The machine
// lists the last sessions that have cast one, so what is not listed soon after was not cast.
async function startAgain(state) {
  await useLanguage(shown.display.language);
  const isListed = state.cast_sessions?.includes(shown.session) ?? true;
  const isUnsure = castUnderWay && (isListed || performance.now() - castAt > trustedFor);
  const text = t(isUnsure ? 'kiosk.ended.unsure' : 'kiosk.ended');
  idle.watch(undefined);
  shown = undefined;
  castUnderWay = false;
  await show(state);
  say(text);
}

// Tells something under the heading.
function say(text) {
  const box = document.createElement('p');
  box.className = 'notice';
  box.setAttribute('role', 'alert');
  box.textContent = text;
  document.getElementById('heading').after(box);
}

async function changeDisplay(change) {
  try {
    const state = await act(shown, 'alive', change);
    await show(state);
    if ('language' in change && displayDialog?.open) {
      displayDialog.close();
      showDisplay().querySelector('input[name=language]:checked').focus();
    }
  } catch {
    failures += 1;
  }
}

function showDisplay() {
  displayDialog = openDisplay(shown, changeDisplay);
  displayDialog.addEventListener('close', () => document.getElementById('display-button').focus());
  return displayDialog;
}

// --- The machine -----------------------------------------------------------------------------------

function showAway() {
  if (document.getElementById('away')) return;
  const box = document.createElement('p');
  box.id = 'away';
  box.className = 'notice';
  box.setAttribute('role', 'alert');
  box.textContent = t(castUnderWay ? 'kiosk.away.cast' : 'kiosk.away');
  main.prepend(box);
}

async function poll() {
  if (!busy) {
    try {
      const state = await readState();
      if (!busy) await show(state);
    } catch {
      failures += 1;
      if (shown && failures >= failuresBeforeAway) showAway();
    }
  }
  const isSending = shown?.lines?.some((line) => line.state === 'sending');
  setTimeout(poll, isSending ? pollWhileSending : pollEvery);
}

// A key that is held down presses once.
document.addEventListener('keydown', (event) => {
  if (event.repeat && (event.key === 'Enter' || event.key === ' ')) event.preventDefault();
}, { capture: true });
// A page that the browser kept as it was may be another voter's.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) window.location.replace('/');
});

poll();
