// The lists of topics, subscriptions and schemas of a project.

import { api } from './api.mjs';
import { h, table } from './dom.mjs';
import { count, duration, durationOf, many, shortName } from './text.mjs';

const mostRows = 200;
const number = 'amount';

export const linkTo = (name) => h('a', { href: `#/${encodeURI(name)}` }, shortName(name));

const age = (backlog) => (backlog?.oldestUnackedMs === undefined ? '–' : duration((Date.now() - backlog.oldestUnackedMs) / 1_000));

// What differs from a plain pull subscription.
export function delivery(subscription) {
  const words = [
    subscription.pushConfig?.pushEndpoint ? 'push' : 'pull',
    subscription.enableMessageOrdering && 'ordered',
    subscription.enableExactlyOnceDelivery && 'exactly once',
    subscription.deadLetterPolicy && 'dead letters',
    subscription.retryPolicy && 'retry policy',
    subscription.detached && 'detached',
  ];
  return words.filter(Boolean).join(', ');
}

export function subscriptionTable(caption, subscriptions, backlogs) {
  const byName = new Map(backlogs.map((each) => [each.name, each]));
  return table(caption, [['Subscription'], ['Topic'], ['Filter'], ['Backlog', number], ['Oldest unacked', number], ['Delivery']],
    subscriptions.map((each) => {
      const backlog = byName.get(each.name);
      return [linkTo(each.name), shortName(each.topic), each.filter ? h('code', {}, each.filter) : null,
        backlog ? count(backlog.backlog) : '?', age(backlog), delivery(each)];
    }));
}

async function topics(project) {
  const [all, subscriptions] = await Promise.all([api.topics(project), api.subscriptions(project)]);
  const subscribed = new Map();
  for (const { topic } of subscriptions) subscribed.set(topic, (subscribed.get(topic) ?? 0) + 1);
  return {
    all,
    show: (shown) => table('Topics', [['Topic'], ['Subscriptions', number], ['Retention'], ['Schema']],
      shown.map((topic) => [linkTo(topic.name), count(subscribed.get(topic.name)),
        durationOf(topic.messageRetentionDuration) ?? '–', topic.schemaSettings ? shortName(topic.schemaSettings.schema) : '–'])),
  };
}

async function subscriptions(project) {
  const [all, backlogs] = await Promise.all([api.subscriptions(project), api.backlogs(`projects/${project}`)]);
  return { all, show: (shown) => subscriptionTable('Subscriptions', shown, backlogs) };
}

async function schemas(project) {
  return {
    all: await api.schemas(project),
    show: (shown) => table('Schemas', [['Schema'], ['Type'], ['Revision']],
      shown.map((schema) => [linkTo(schema.name), schema.type === 'AVRO' ? 'Avro' : 'protocol buffer', h('code', {}, schema.revisionId)])),
  };
}

export const kinds = {
  topics: { title: 'Topics', one: 'topic', load: topics },
  subscriptions: { title: 'Subscriptions', one: 'subscription', load: subscriptions },
  schemas: { title: 'Schemas', one: 'schema', load: schemas },
};

// A list with a field that narrows it. Long lists are shown in part.
export async function listView(project, kind) {
  const { title, one, load } = kinds[kind];
  const { all, show } = await load(project);
  const input = h('input', { id: 'narrow', class: 'field', type: 'search', autocomplete: 'off', spellcheck: 'false' });
  const place = h('div', { class: 'stack' });
  const draw = () => {
    const wanted = input.value.trim().toLowerCase();
    const found = all.filter((each) => `${shortName(each.name)} ${each.filter ?? ''}`.toLowerCase().includes(wanted));
    const shown = found.slice(0, mostRows);
    const text = found.length > shown.length
      ? `The first ${count(shown.length)} of ${count(found.length)} are shown.`
      : many(found.length, one);
    place.replaceChildren(h('p', { class: 'quiet', role: 'status' }, text), ...(shown.length > 0 ? [show(shown)] : []));
  };
  input.addEventListener('input', draw);
  draw();
  return [
    h('div', { class: 'head' }, h('h1', {}, title),
      h('div', { class: 'narrow' }, h('label', { for: 'narrow' }, 'Name or filter contains'), input)),
    place,
  ];
}
