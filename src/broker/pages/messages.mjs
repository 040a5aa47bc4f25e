// The messages of a subscription, without taking them.

import { api } from './api.mjs';
import { announce, h } from './dom.mjs';
import { base64Of, bytesOf, count, hexOf, many, textOf, time } from './text.mjs';

const previewLength = 160;
const mostPeeked = 50;

const forms = { auto: 'Text, or hex if it is binary', hex: 'Hex', base64: 'Base64' };

function shown(bytes, isCut, form) {
  if (form === 'base64') return base64Of(bytes);
  const text = form === 'auto' ? textOf(bytes, isCut) : undefined;
  return text ?? hexOf(bytes);
}

function preview(bytes, isCut) {
  const text = textOf(bytes, isCut);
  if (bytes.length === 0) return '(no data)';
  if (text === undefined) return `(binary) ${[...bytes.subarray(0, 24)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
  const start = text.slice(0, previewLength).replace(/\s+/g, ' ');
  return text.length > previewLength ? `${start}…` : start;
}

function messageView(message, form) {
  if (message.isDamaged) return h('li', { class: 'message' }, `Message ${message.messageId} cannot be read.`);
  const bytes = bytesOf(message.data);
  const isCut = message.dataBytes > bytes.length;
  const attributes = Object.entries(message.attributes).sort(([one], [other]) => (one < other ? -1 : 1));
  const body = h('div', { class: 'body stack' });
  // The data is drawn when it is looked at.
  const draw = () => {
    body.replaceChildren(
      ...(attributes.length > 0
        ? [h('dl', { class: 'facts small' }, attributes.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value))))]
        : []),
      ...(isCut ? [h('p', { class: 'notice' }, `The first ${count(bytes.length)} of ${count(message.dataBytes)} bytes are shown.`)] : []),
      ...(bytes.length > 0 ? [h('pre', { tabindex: 0, 'aria-label': `Data of message ${message.messageId}` }, shown(bytes, isCut, form.value))] : []));
  };
  const details = h('details', { class: 'message' },
    h('summary', {},
      h('span', { class: 'code id' }, message.messageId),
      h('span', { class: 'number' }, time(message.publishTime)),
      h('span', { class: 'preview' }, preview(bytes, isCut)),
      h('span', { class: 'marks quiet' }, [
        message.orderingKey && `key ${message.orderingKey}`,
        many(message.dataBytes, 'byte'),
        attributes.length > 0 && many(attributes.length, 'attribute'),
        message.deliveries > 0 ? `delivered ${message.deliveries} ×` : 'never delivered',
        message.isLeased && 'leased now',
      ].filter(Boolean).join(' · '))),
    body);
  const redraw = () => details.open && draw();
  details.addEventListener('toggle', redraw);
  details.addEventListener('redraw', redraw);
  return h('li', {}, details);
}

export function messagesView(subscription) {
  const place = h('div', { class: 'stack' });
  const form = h('select', { id: 'data-form', class: 'field' },
    Object.entries(forms).map(([value, text]) => h('option', { value }, text)));
  form.addEventListener('change', () => {
    for (const each of place.querySelectorAll('details')) each.dispatchEvent(new Event('redraw'));
  });
  const look = async () => {
    try {
      const messages = await api.peek(subscription);
      const text = messages.length === 0 ? 'The subscription has no unacked messages.'
        : messages.length < mostPeeked ? many(messages.length, 'unacked message')
        : `The oldest ${mostPeeked} unacked messages`;
      place.replaceChildren(h('p', {}, text),
        ...(messages.length > 0 ? [h('ol', { class: 'messages' }, messages.map((each) => messageView(each, form)))] : []));
      announce(text);
    } catch (error) {
      place.replaceChildren(h('p', { class: 'bad', role: 'alert' }, error.message));
    }
  };
  look();
  return {
    look,
    element: h('section', { class: 'card stack', 'aria-labelledby': 'messages-title' },
      h('div', { class: 'head' }, h('h2', { id: 'messages-title' }, 'Messages'),
        h('div', { class: 'narrow' }, h('label', { for: 'data-form' }, 'Show data as'), form,
          h('button', { class: 'button', type: 'button', onclick: look }, 'Look again'))),
      h('p', { class: 'quiet' }, 'Looking changes nothing: no message is delivered, leased or acked.'),
      place),
  };
}
