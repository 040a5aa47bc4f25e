// The broker's REST API, and below /ui/data/ what it does not tell.

const longestWait = 30_000;
const pageSize = 1_000;
const mostPages = 20;

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    cache: 'no-store',
    signal: AbortSignal.timeout(longestWait),
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(reasonIn(text) ?? `The broker answered with HTTP status ${response.status}.`);
  return text === '' ? {} : JSON.parse(text);
}

function reasonIn(text) {
  try {
    return JSON.parse(text).error.message;
  } catch {
    return undefined;
  }
}

const rest = (name) => `/v1/${name.split('/').map(encodeURIComponent).join('/')}`;

// All resources of a kind, and whether there are more than are shown.
async function list(project, kind) {
  const found = [];
  let token = '';
  for (let page = 0; page < mostPages; ++page) {
    const query = new URLSearchParams({ pageSize, ...(token && { pageToken: token }) });
    const answer = await call('GET', `${rest(`projects/${project}/${kind}`)}?${query}`);
    found.push(...(answer[kind] ?? []));
    token = answer.nextPageToken ?? '';
    if (token === '') break;
  }
  return found;
}

export const api = {
  projects: async () => (await call('GET', '/ui/data/projects')).projects,
  topics: (project) => list(project, 'topics'),
  subscriptions: (project) => list(project, 'subscriptions'),
  snapshots: (project) => list(project, 'snapshots'),
  schemas: (project) => list(project, 'schemas'),
  get: (name) => call('GET', rest(name)),
  schema: (name) => call('GET', `${rest(name)}?view=FULL`),
  // Names are sent as they are: none has a character that a path does not allow.
  backlogs: async (name) => (await call('GET', `/ui/data/backlogs/${name}`)).subscriptions,
  peek: async (subscription) => (await call('GET', `/ui/data/peek/${subscription}`)).messages,
  publish: async (topic, message) => (await call('POST', `${rest(topic)}:publish`, { messages: [message] })).messageIds[0],
  seek: (subscription, target) => call('POST', `${rest(subscription)}:seek`, target),
};
