// Dialogs over the page: how it looks, leaving without a vote, and "are you still there?".

import { h } from './dom.mjs';
import { t } from './texts.mjs';
import { button } from './views.mjs';

function open(dialog) {
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
  return dialog;
}

const head = (text) => h('h2', { id: 'dialog-title', tabindex: '-1', autofocus: true }, text);

function options(name, title, values, current, onchange) {
  return h('fieldset', { class: 'options' },
    h('legend', {}, title),
    h('div', { class: 'option-row' }, values.map(({ value, text, lang, dir }) =>
      h('label', { class: 'option', lang, dir },
        h('input', { type: 'radio', name, value, checked: value === current, onchange: () => onchange(value) }),
        h('span', {}, text)))));
}

// `change` gets { language }, { size } or { theme } at once, so that the voter sees the effect.
export function openDisplay(state, change) {
  const { display } = state;
  const fill = () => [
    head(t('display')),
    options('language', t('display.language'),
      state.languages.map(({ tag, name, direction }) => ({ value: tag, text: name, lang: tag, dir: direction })),
      display.language, (language) => change({ language })),
    options('size', t('display.size'),
      ['s', 'm', 'l', 'xl'].map((value) => ({ value, text: t(`size.${value}`) })), display.size, (size) => change({ size })),
    options('theme', t('display.theme'),
      ['light', 'dark', 'high-light', 'high-dark'].map((value) => ({ value, text: t(`theme.${value}`) })),
      display.theme, (theme) => change({ theme })),
    h('div', { class: 'dialog-actions' }, button(t('kiosk.close'), () => dialog.close(), { primary: true })),
  ];
  const dialog = h('dialog', { id: 'display-dialog', class: 'stack', 'aria-labelledby': 'dialog-title' });
  dialog.append(...fill());
  return open(dialog);
}

export function openLeave(leave) {
  const dialog = h('dialog', { id: 'leave-dialog', class: 'stack', 'aria-labelledby': 'dialog-title' },
    head(t('kiosk.leave.title')),
    h('p', {}, t('kiosk.leave.hint')),
    h('div', { class: 'dialog-actions' },
      button(t('kiosk.leave.stay'), () => dialog.close()),
      button(t('kiosk.leave'), () => { dialog.close(); leave(); }, { primary: true })));
  return open(dialog);
}

// Any key or touch closes it. `seconds` is read out once, the rest is for the eye.
export function openIdle(seconds, extend) {
  const left = h('span', { class: 'number', id: 'idle-left' }, String(seconds));
  const dialog = h('dialog', { id: 'idle-dialog', class: 'stack', role: 'alertdialog', 'aria-labelledby': 'dialog-title', 'aria-describedby': 'idle-text' },
    head(t('kiosk.idle.title')),
    h('p', { id: 'idle-text' }, t('kiosk.idle.hint', { seconds })),
    h('p', { class: 'quiet', 'aria-hidden': 'true' }, t('kiosk.idle.left'), ' ', left),
    h('div', { class: 'dialog-actions' }, button(t('kiosk.idle.extend'), extend, { primary: true })));
  dialog.addEventListener('cancel', extend);
  open(dialog);
  return { dialog, show: (rest) => { left.textContent = String(rest); } };
}
