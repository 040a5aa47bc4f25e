// The page for developers: what the part of the address behind # names is shown.
//   #/projects/<project>/topics            a list
//   #/projects/<project>/topics/<topic>    one of it

import { api } from './api.mjs';
import { detailViews } from './details.mjs';
import { h } from './dom.mjs';
import { kinds, listView } from './lists.mjs';
import { shortName } from './text.mjs';

const main = document.getElementById('main');
const projects = document.getElementById('project');
const tabs = document.getElementById('tabs');

let stop = () => {};
let newest = 0;

function place() {
  const parts = decodeURI(location.hash.slice(1)).split('/').slice(1);
  const [, project, kind, id] = parts;
  return { project, kind: kind in kinds ? kind : 'topics', id };
}

const addressOf = (project, kind) => `#/${encodeURI(`projects/${project}/${kind}`)}`;

async function showProjects(wanted) {
  const all = await api.projects();
  if (wanted && !all.includes(wanted)) all.push(wanted);
  projects.replaceChildren(...all.map((each) => h('option', { value: each }, each)));
  projects.disabled = all.length === 0;
  const project = wanted ?? all[0];
  if (project) projects.value = project;
  return project;
}

function showTabs(project, current) {
  tabs.replaceChildren(...Object.entries(kinds).map(([kind, { title }]) =>
    h('a', { href: addressOf(project, kind), 'aria-current': kind === current ? 'page' : null }, title)));
}

async function view(project, kind, id) {
  if (id) return detailViews[kind](`projects/${project}/${kind}/${id}`);
  return { elements: await listView(project, kind) };
}

// `isNew`: another place, so that the focus moves there.
async function show(isNew) {
  const request = ++newest;
  stop();
  stop = () => {};
  const { project: wanted, kind, id } = place();
  try {
    const project = await showProjects(wanted);
    if (project === undefined) {
      main.replaceChildren(h('h1', {}, 'Nothing here yet'),
        h('p', {}, 'There is no topic. Create one with a client, with --create-topic, or by REST:'),
        h('pre', { tabindex: 0, 'aria-label': 'Command' }, `curl -X PUT ${location.origin}/v1/projects/my-project/topics/my-topic`));
      return;
    }
    showTabs(project, kind);
    const shown = await view(project, kind, id);
    if (request !== newest) return shown.stop?.();
    stop = shown.stop ?? stop;
    document.title = `${id ? shortName(id) : kinds[kind].title} – pubsub-broker`;
    main.replaceChildren(...shown.elements);
  } catch (error) {
    if (request !== newest) return;
    main.replaceChildren(h('h1', {}, 'This cannot be shown'), h('p', { class: 'bad', role: 'alert' }, error.message));
  }
  if (isNew) main.focus();
}

// --- Colours: those of the system until a person chooses ---

const themeButton = document.getElementById('theme');
const system = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (localStorage.getItem('theme') ?? (system.matches ? 'dark' : 'light')) === 'dark';

function paint() {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  themeButton.textContent = isDark() ? 'Light colours' : 'Dark colours';
}

themeButton.addEventListener('click', () => {
  localStorage.setItem('theme', isDark() ? 'light' : 'dark');
  paint();
});
system.addEventListener('change', paint);
paint();

projects.addEventListener('change', () => {
  location.hash = addressOf(projects.value, place().kind);
});
document.getElementById('refresh').addEventListener('click', () => show(false));
addEventListener('hashchange', () => show(true));
show(false);
