// Parts of the page.

import { h } from './elements.mjs';

export { h };

// Names and values, as a list of definitions. Entries without a value are left out.
export function facts(entries) {
  return h('dl', { class: 'facts' }, entries
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

export function table(caption, columns, rows) {
  return h('div', { class: 'scroll', role: 'region', 'aria-label': caption, tabindex: 0 },
    h('table', {},
      h('caption', { class: 'visually-hidden' }, caption),
      h('thead', {}, h('tr', {}, columns.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))),
      h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, i) => h('td', { class: columns[i][1] }, cell ?? '')))))));
}

// A labelled control; `control` has an id.
export function field(label, control, hint) {
  const id = `${control.id}-hint`;
  if (hint !== undefined) control.setAttribute('aria-describedby', id);
  return h('div', { class: 'labelled' }, h('label', { for: control.id }, label), control,
    hint === undefined ? null : h('p', { class: 'quiet small', id }, hint));
}

// Tells a screen reader, too.
export function announce(text) {
  document.getElementById('announcer').textContent = text;
}

// A form that runs `submit` and shows below the button what it returns, or the error.
export function form(label, attributes, submit, ...children) {
  const outcome = h('p', { class: 'outcome', role: 'status' });
  const button = h('button', { class: 'button primary', type: 'submit' }, label);
  const onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    outcome.className = 'outcome';
    outcome.textContent = 'Working…';
    try {
      outcome.textContent = await submit();
    } catch (error) {
      outcome.classList.add('bad');
      outcome.textContent = error.message;
    }
    button.disabled = false;
  };
  return h('form', { class: 'stack', novalidate: true, ...attributes, onsubmit }, children,
    h('div', { class: 'submit' }, button, outcome));
}

// Resolves to whether the person has confirmed.
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const close = () => dialog.close();
    let answer = false;
    const dialog = h('dialog', { class: 'stack', 'aria-labelledby': 'dialog-title' },
      h('h2', { id: 'dialog-title' }, title),
      h('p', {}, text),
      h('div', { class: 'dialog-actions' },
        h('button', { class: 'button', type: 'button', onclick: close, autofocus: true }, 'Cancel'),
        h('button', { class: 'button danger', type: 'button', onclick: () => { answer = true; close(); } }, action)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
