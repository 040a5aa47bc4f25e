// What each stage looks like. A view is { content, actions }: elements for <main> and buttons for the
// bar below it. Views know nothing about the machine; `press` tells what the voter did.

import { h, named, symbol } from './dom.mjs';
import { t } from './texts.mjs';

const heading = (...children) => h('h1', { tabindex: '-1', id: 'heading' }, ...children);

// A press counts once, however often the button is hit before the page changes.
export function button(text, onclick, { primary = false, ...attributes } = {}) {
  return h('button', { type: 'button', class: primary ? 'button primary' : 'button', onclick, ...attributes }, text);
}

export const moreButton = (onclick) =>
  h('button', { type: 'button', class: 'button', id: 'more', onclick }, symbol('down'), h('span', {}, t('kiosk.more')));

const notice = (state) =>
  state.notice ? h('p', { class: 'notice', id: 'notice', role: 'alert' }, t(state.notice)) : null;

// In the election's time zone, whatever the machine's is.
function time(ms, election, state) {
  const form = { dateStyle: 'medium', timeStyle: 'short', numberingSystem: 'latn', timeZone: election.time_zone || undefined };
  return new Intl.DateTimeFormat(state.display.language, form).format(new Date(ms));
}

function phaseText(election, state) {
  if (election.phase === 'open') {
    return election.closes_ms ? t('kiosk.phase.open-until', { time: time(election.closes_ms, election, state) }) : t('kiosk.phase.open');
  }
  if (election.phase === 'defined') {
    return election.opens_ms ? t('kiosk.phase.opens', { time: time(election.opens_ms, election, state) }) : t('kiosk.phase.defined');
  }
  if (election.phase === 'paused') return t('kiosk.phase.paused');
  return t('kiosk.phase.closed');
}

export function start(state, press) {
  const open = (state.elections ?? []).some((election) => election.phase === 'open');
  const content = [heading(t('kiosk.welcome'))];
  if (!state.is_event_known) content.push(h('p', {}, t('kiosk.connecting')));
  else if (state.elections.length === 0) content.push(h('p', { class: 'notice' }, t('kiosk.no-election')));
  else {
    content.push(
      h('ul', { class: 'elections' }, state.elections.map((election) =>
        h('li', {}, named(election.title, state.display.language), h('span', { class: 'quiet' }, phaseText(election, state))))),
    );
  }
  if (open) {
    content.push(
      h('p', { class: 'quiet' }, t('kiosk.choose-language')),
      h('ul', { class: 'languages' }, state.languages.map((language) =>
        h('li', {}, h('button', {
          type: 'button',
          class: 'button language',
          lang: language.tag,
          dir: language.direction,
          onclick: () => press('start', { language: language.tag }),
        }, h('span', {}, language.name), h('span', {}, language.start))))),
    );
  } else if (state.elections?.length > 0) {
    content.push(h('p', { class: 'notice' }, t('kiosk.not-open')));
  }
  return { content, actions: [] };
}

export function identify(state, press) {
  const kind = state.needs_code ? 'code' : 'voter';
  const field = h('input', {
    id: 'field',
    class: state.needs_code ? 'field code-field' : 'field',
    type: 'text',
    inputmode: state.needs_code ? 'text' : 'numeric',
    autocomplete: 'off',
    autocapitalize: 'characters',
    spellcheck: 'false',
    maxlength: '60',
    'aria-describedby': state.notice ? 'notice hint' : 'hint',
    'aria-invalid': state.notice ? 'true' : null,
  });
  const go = () => press('identify', { text: field.value });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.repeat) go();
  });
  return {
    content: [
      heading(t(`kiosk.${kind}.title`)),
      h('p', { id: 'hint' }, t(`kiosk.${kind}.hint`)),
      notice(state),
      h('div', {}, h('label', { class: 'label', for: 'field' }, t(`kiosk.${kind}.label`)), field),
    ],
    actions: [button(t('kiosk.next'), go, { primary: true })],
    focus: state.notice ? field : undefined,
  };
}

function choiceLabel(id, value, name, isChosen, extra = '') {
  const input = h('input', { type: 'radio', name: 'choice', id, value, checked: isChosen });
  return h('label', { class: `choice ${extra}`.trim() }, input, name, symbol('check', 'mark'));
}

const phaseNotice = (phase) =>
  phase === 'open' ? null : h('p', { class: 'notice', role: 'alert' }, t(phase === 'paused' ? 'kiosk.now-paused' : 'kiosk.now-closed'));

export function contest(state, press) {
  const { contest: shown } = state;
  const language = state.display.language;
  const chosen = h('p', { class: 'quiet', id: 'chosen' });
  const labels = shown.choices.map((choice, i) =>
    choiceLabel(`choice-${i}`, choice.voting, named(choice.name, language, 'span', { class: 'name' }), shown.chosen === choice.voting));
  const blank = choiceLabel('choice-blank', '', h('span', { class: 'name' }, t('kiosk.blank')), shown.is_reviewed && shown.chosen === null, 'blank');
  const group = h('fieldset', { class: 'choices', 'aria-describedby': 'rule' },
    h('legend', { class: 'visually-hidden' }, shown.title.text), labels, blank);
  const selected = () => group.querySelector('input:checked');
  const say = () => {
    const input = selected();
    chosen.replaceChildren();
    if (!input) chosen.append(t('kiosk.nothing-chosen'));
    else if (input.value === '') chosen.append(t('kiosk.left-blank'));
    else chosen.append(t('kiosk.chosen'), ' ', input.parentElement.querySelector('.name').cloneNode(true));
  };
  group.addEventListener('change', say);
  say();
  const leave = (action) => () => {
    const value = selected()?.value ?? '';
    press(action, { contest: shown.index, choice: value === '' ? null : Number(value) });
  };
  return {
    content: [
      h('div', {},
        state.contests > 1 ? h('p', { class: 'progress' }, t('kiosk.progress', { at: shown.index + 1, of: state.contests })) : null,
        heading(named(shown.title, language))),
      phaseNotice(shown.phase),
      h('div', {}, h('p', { id: 'rule' }, t('kiosk.rule')), chosen),
      group,
    ],
    actions: shown.is_reviewed
      ? [button(t('kiosk.to-review'), leave('next'), { primary: true })]
      : [button(t('kiosk.back'), leave('back')), button(t('kiosk.next'), leave('next'), { primary: true })],
    hasMore: true,
  };
}

export function review(state, press) {
  const language = state.display.language;
  const anything = state.lines.some((line) => line.chosen);
  const trouble = state.lines.find((line) => line.chosen && line.phase !== 'open');
  const lines = state.lines.map((line, i) =>
    h('li', { class: 'card' },
      h('div', { class: 'line-head' },
        h('h2', {}, named(line.title, language)),
        button(t('kiosk.change'), () => press('change', { contest: i }), { 'aria-label': t('kiosk.change-of', { title: line.title.text }) })),
      line.chosen
        ? named(line.chosen, language, 'p', { class: 'chosen' })
        : h('p', { class: 'notice' }, t('kiosk.no-vote-here'))));
  return {
    content: [
      heading(t('kiosk.review.title')),
      trouble ? phaseNotice(trouble.phase) : null,
      h('p', {}, anything ? t('kiosk.review.hint') : t('kiosk.review.nothing')),
      h('ul', { class: 'lines stack' }, lines),
    ],
    actions: anything
      ? [button(t('kiosk.back'), () => press('back')), button(t('kiosk.cast'), () => press('cast'), { primary: true })]
      : [button(t('kiosk.back'), () => press('back'))],
    hasMore: true,
  };
}

const symbols = {
  recorded: 'check',
  sending: 'wait',
  kept: 'clock',
  'already voted': 'cross',
  rejected: 'cross',
  'not cast': 'cross',
  unknown: 'cross',
};

const reasons = {
  'the election is not open': 'kiosk.reason.not-open',
  'the election is paused': 'kiosk.reason.paused',
  'the election is closed': 'kiosk.reason.closed',
  'the election is not defined': 'kiosk.reason.not-defined',
  'the voter is not on the roll': 'kiosk.reason.not-on-roll',
  'the code is wrong': 'kiosk.reason.wrong-code',
  'the choice does not exist': 'kiosk.reason.no-such-choice',
};

function outcome(line) {
  if (line.is_blank) return t('kiosk.answer.blank');
  if (line.state === 'rejected') return t('kiosk.answer.rejected', { reason: t(reasons[line.reason] ?? 'kiosk.reason.other') });
  return t(`kiosk.answer.${line.state.replace(' ', '-')}`);
}

// The heading says what holds for all votes together.
export function answerTitle(lines) {
  const cast = lines.filter((line) => !line.is_blank);
  const all = (state) => cast.length > 0 && cast.every((line) => line.state === state);
  if (lines.some((line) => line.state === 'sending')) return t('kiosk.answer.title.sending');
  if (all('recorded')) return t('kiosk.answer.title.recorded');
  if (cast.some((line) => line.state === 'kept')) return t('kiosk.answer.title.kept');
  if (cast.some((line) => line.state === 'recorded')) return t('kiosk.answer.title.mixed');
  if (all('already voted')) return t('kiosk.answer.title.already-voted');
  return t('kiosk.answer.title.not-recorded');
}

export function answer(state, press) {
  const language = state.display.language;
  const sending = state.lines.some((line) => line.state === 'sending');
  const hasTracking = state.lines.some((line) => line.tracking);
  const lines = state.lines.map((line) =>
    h('li', { class: `card ${line.is_blank ? 'blank' : line.state.replace(' ', '-')}` },
      state.lines.length > 1 ? h('h2', {}, named(line.title, language)) : null,
      h('p', { class: 'result' }, line.is_blank ? null : symbol(symbols[line.state]), h('span', {}, outcome(line))),
      line.tracking
        ? h('p', { class: 'tracking' }, h('span', { class: 'quiet' }, t('kiosk.tracking')), h('br'), h('span', { class: 'code' }, line.tracking))
        : null));
  const actions = [];
  if (!sending) {
    actions.push(button(t('kiosk.stay'), () => press('stay'), { id: 'stay' }));
    if (state.can_print && hasTracking) actions.push(button(t('kiosk.print'), () => window.print()));
    actions.push(button(t('kiosk.done'), () => press('end'), { primary: true }));
  }
  return {
    content: [
      heading(answerTitle(state.lines)),
      h('ul', { class: 'lines stack' }, lines),
      hasTracking ? h('p', {}, t('kiosk.tracking.hint')) : null,
      sending ? null : h('p', { class: 'quiet number', id: 'countdown' }),
    ],
    actions,
    hasMore: actions.length > 0,
  };
}
