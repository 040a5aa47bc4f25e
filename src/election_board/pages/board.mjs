// Keeps the figures of an election's page up to date, in place: nothing moves, and no number goes
// back. Without this module the page works too; it shows the figures of when it was loaded.

const POLL_MS = 1000;
const MAX_POLL_MS = 15000; // while the board does not answer
const ANNOUNCE_MS = 10000; // so that a screen reader is not flooded

const main = document.querySelector("main[data-live]");
const heading = document.querySelector(".heading");
const stale = document.querySelector("#stale");
const announcement = document.querySelector("#announcement");
const elements = new Map();
for (const element of main.querySelectorAll("[data-key]"))
  elements.set(element.dataset.key, element);

const shown = {
  number: Number(heading.dataset.number),
  structure: heading.dataset.structure,
  voted: Number(heading.dataset.voted),
};
let announcedAt = performance.now();
let pause = POLL_MS;

function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function setMachines(machines) {
  const body = document.querySelector("#machines");
  if (!body) return;
  const rows = new Map([...body.rows].map((row) => [row.dataset.machine, row]));
  let before = null;
  for (const [machine, votes] of machines) {
    let row = rows.get(machine);
    if (!row) {
      row = body.rows[0].cloneNode(true);
      row.dataset.machine = machine;
      setText(row.querySelector(".code"), machine);
      if (before) before.after(row);
      else body.prepend(row);
    }
    setText(row.cells[1], votes);
    before = row;
  }
}

function announce(figures) {
  if (figures.voted === shown.voted || performance.now() - announcedAt < ANNOUNCE_MS) return;
  announcedAt = performance.now();
  setText(announcement, figures.announce);
}

function show(figures) {
  // An answer that overtook a newer one, or that comes from a board that lags behind.
  if (figures.number <= shown.number || figures.voted < shown.voted) return;
  if (figures.structure !== shown.structure) {
    location.reload();
    return;
  }
  for (const [key, text] of Object.entries(figures.texts)) setText(elements.get(key), text);
  for (const [key, attribute, value] of figures.shapes)
    elements.get(key)?.setAttribute(attribute, value);
  setMachines(figures.machines);
  announce(figures);
  shown.number = figures.number;
  shown.voted = figures.voted;
}

async function poll() {
  if (document.hidden) return;
  try {
    const response = await fetch(main.dataset.live, { cache: "no-cache" });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
    pause = POLL_MS;
    stale.hidden = true;
  } catch {
    pause = Math.min(pause * 2, MAX_POLL_MS);
    stale.hidden = false;
  }
}

async function keepPolling() {
  await poll();
  // A tenth more or less, so that the pages of a hall do not all ask at the same moment.
  setTimeout(keepPolling, pause * (0.9 + Math.random() / 5));
}

function startPolling() {
  document.addEventListener("visibilitychange", poll);
  keepPolling();
}

// The page of a hall gets its figures as events. The browser asks again by itself after a lost
// connection, but not after a refusal: a board that has too many streams is polled instead.
function followEvents() {
  const events = new EventSource(main.dataset.events);
  const setStale = (isStale) => {
    stale.hidden = !isStale;
  };
  events.onmessage = ({ data }) => {
    show(JSON.parse(data));
    setStale(false);
  };
  events.addEventListener("trouble", () => setStale(true));
  events.onerror = () => {
    setStale(true);
    if (events.readyState === EventSource.CLOSED) startPolling();
  };
  // A browser opens few connections to a server, and a page that is kept for Back would hold one.
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) location.reload();
  });
}

if (main.dataset.events) followEvents();
else startPolling();
