// One topic, subscription or schema, and what can be done with it.

import { api } from './api.mjs';
import { confirmed, facts, field, form, h } from './dom.mjs';
import { delivery, linkTo, subscriptionTable } from './lists.mjs';
import { messagesView } from './messages.mjs';
import { attributesOf, base64Of, count, duration, durationOf, many, shortName, textOf, bytesOf } from './text.mjs';

const mostMessageBytes = 10_000_000;
const period = 2_000;

const projectOf = (name) => name.split('/')[1];
const labels = (resource) => Object.entries(resource.labels ?? {}).map(([key, value]) => `${key}=${value}`).join(', ');
const title = (kind, name) => h('div', {}, h('p', { class: 'quiet' }, kind), h('h1', {}, shortName(name)),
  h('p', { class: 'code small quiet' }, name));

function publishForm(topic) {
  const data = h('textarea', { id: 'data', class: 'field data', rows: 6, spellcheck: 'false' });
  const encoding = h('select', { id: 'encoding', class: 'field' },
    h('option', { value: 'text' }, 'Text (UTF-8)'), h('option', { value: 'base64' }, 'Base64'));
  const attributes = h('textarea', { id: 'attributes', class: 'field data', rows: 3, spellcheck: 'false' });
  const key = h('input', { id: 'ordering-key', class: 'field', autocomplete: 'off', spellcheck: 'false' });
  const bytes = () => {
    if (encoding.value === 'text') return new TextEncoder().encode(data.value);
    try {
      return bytesOf(data.value.replace(/\s/g, ''));
    } catch {
      throw new Error('Data: this is not base64.');
    }
  };
  const publish = async () => {
    const content = bytes();
    if (content.length > mostMessageBytes) throw new Error(`Data: ${count(content.length)} bytes are more than 10 MB.`);
    const message = { data: base64Of(content), attributes: attributesOf(attributes.value) };
    if (key.value !== '') message.orderingKey = key.value;
    return `Published as message ${await api.publish(topic, message)}.`;
  };
  return h('section', { class: 'card stack', 'aria-labelledby': 'publish-title' },
    h('h2', { id: 'publish-title' }, 'Publish a message'),
    form('Publish', {}, publish,
      h('div', { class: 'columns' },
        h('div', { class: 'stack grow' }, field('Data', data)),
        h('div', { class: 'stack' }, field('Data is written as', encoding), field('Ordering key', key),
          field('Attributes', attributes, 'One key=value a line')))));
}

async function topicView(name) {
  const [topic, all] = await Promise.all([api.get(name), api.subscriptions(projectOf(name))]);
  const subscriptions = all.filter((each) => each.topic === name);
  const backlogs = subscriptions.length > 0 ? await api.backlogs(`projects/${projectOf(name)}`) : [];
  const schema = topic.schemaSettings;
  return {
    elements: [
      title('Topic', name),
      facts([
        ['Retention', durationOf(topic.messageRetentionDuration)],
        ['Schema', schema && h('span', {}, linkTo(schema.schema), ` (${schema.encoding})`)],
        ['Labels', labels(topic)],
      ]),
      publishForm(name),
      h('section', { class: 'stack' }, h('h2', {}, 'Subscriptions'),
        subscriptions.length > 0
          ? subscriptionTable('Subscriptions of this topic', subscriptions.slice(0, 200), backlogs)
          : h('p', {}, 'No subscription: what is published here is not kept for anyone.')),
    ],
  };
}

function seekForms(name, snapshots, moved) {
  const at = h('input', { id: 'seek-time', class: 'field', type: 'datetime-local', step: 1 });
  const seekTime = async () => {
    if (at.value === '') throw new Error('Time: choose a date and a time.');
    await api.seek(name, { time: new Date(at.value).toISOString() });
    moved();
    return 'Messages published before this time count as acked, those after it as unacked.';
  };
  const snapshot = h('select', { id: 'seek-snapshot', class: 'field' },
    snapshots.map((each) => h('option', { value: each.name }, shortName(each.name))));
  const seekSnapshot = async () => {
    await api.seek(name, { snapshot: snapshot.value });
    moved();
    return 'The subscription has the backlog of the snapshot.';
  };
  return [
    form('Seek to time', {}, seekTime, field('Time', at, 'In the time zone of this computer')),
    snapshots.length > 0
      ? form('Seek to snapshot', {}, seekSnapshot, field('Snapshot', snapshot))
      : h('p', { class: 'quiet' }, 'Its topic has no snapshot to seek to.'),
  ];
}

function purgeButton(name, backlog, moved) {
  const outcome = h('p', { class: 'outcome', role: 'status' });
  const purge = async () => {
    const text = `All unacked messages of ${shortName(name)} (${many(backlog().backlog, 'message')}) count as acked from now on, and nobody will receive them.`;
    if (!(await confirmed('Purge this subscription?', text, 'Purge'))) return;
    try {
      await api.seek(name, { time: new Date().toISOString() });
      outcome.textContent = 'Purged.';
    } catch (error) {
      outcome.textContent = error.message;
    }
    moved();
  };
  return h('div', { class: 'submit' },
    h('button', { class: 'button danger', type: 'button', onclick: purge }, 'Purge…'), outcome);
}

// The figures that change all the time; they are asked for while they are shown.
function figures(name, first) {
  let backlog = first;
  const element = h('dl', { class: 'figures' });
  const draw = () => {
    const oldest = backlog.oldestUnackedMs === undefined ? '–' : duration((Date.now() - backlog.oldestUnackedMs) / 1_000);
    element.replaceChildren(...[['Backlog', count(backlog.backlog)], ['Leased', count(backlog.leased)], ['Oldest unacked', oldest],
      ['Acked since start', count(backlog.acked)]].map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))));
  };
  const update = async () => {
    try {
      backlog = (await api.backlogs(name))[0] ?? backlog;
      draw();
    } catch {
      // The next time shows newer figures; the button "Refresh" shows the error.
    }
  };
  draw();
  const timer = setInterval(() => document.visibilityState === 'visible' && update(), period);
  return { element, update, backlog: () => backlog, stop: () => clearInterval(timer) };
}

async function subscriptionView(name) {
  const [subscription, [backlog], snapshots] = await Promise.all([api.get(name), api.backlogs(name), api.snapshots(projectOf(name))]);
  const live = figures(name, backlog ?? {});
  const messages = messagesView(name);
  const moved = () => {
    live.update();
    messages.look();
  };
  const dead = subscription.deadLetterPolicy;
  const retry = subscription.retryPolicy;
  const isTopicGone = subscription.topic === '_deleted-topic_';
  return {
    stop: live.stop,
    elements: [
      title('Subscription', name),
      live.element,
      facts([
        ['Topic', isTopicGone ? 'deleted' : linkTo(subscription.topic)],
        ['Filter', subscription.filter ? h('code', {}, subscription.filter) : 'none: every message'],
        ['Delivery', delivery(subscription)],
        ['Push endpoint', subscription.pushConfig?.pushEndpoint],
        ['Ack deadline', `${subscription.ackDeadlineSeconds} s`],
        ['Keeps unacked messages for', durationOf(subscription.messageRetentionDuration)],
        ['Keeps acked messages', subscription.retainAckedMessages ? 'yes' : 'no'],
        ['Dead letters', dead && h('span', {}, 'after ', many(dead.maxDeliveryAttempts, 'delivery', 'deliveries'), ' to ', shortName(dead.deadLetterTopic))],
        ['Retry policy', retry && `${durationOf(retry.minimumBackoff)} to ${durationOf(retry.maximumBackoff)}`],
        ['Expires', subscription.expirationPolicy?.ttl ? `${durationOf(subscription.expirationPolicy.ttl)} after its last use` : 'never'],
        ['Labels', labels(subscription)],
      ]),
      messages.element,
      h('section', { class: 'card stack', 'aria-labelledby': 'seek-title' },
        h('h2', { id: 'seek-title' }, 'Seek and purge'),
        h('div', { class: 'columns even' }, seekForms(name, snapshots.filter((each) => each.topic === subscription.topic), moved)),
        purgeButton(name, live.backlog, moved)),
    ],
  };
}

async function schemaView(name) {
  const schema = await api.schema(name);
  const text = textOf(new TextEncoder().encode(schema.definition ?? '')) ?? '';
  return {
    elements: [
      title('Schema', name),
      facts([['Type', schema.type], ['Revision', h('code', {}, schema.revisionId)], ['Created', schema.revisionCreateTime]]),
      h('pre', { class: 'card', tabindex: 0, 'aria-label': 'Definition' }, text),
    ],
  };
}

export const detailViews = { topics: topicView, subscriptions: subscriptionView, schemas: schemaView };
