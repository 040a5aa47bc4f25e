// The connection to the machine, which alone knows the truth about the session.

export async function readState() {
  const response = await fetch('/state', { cache: 'no-store' });
  if (!response.ok) throw new Error(`state: ${response.status}`);
  return response.json();
}

// Asks for a step. `shown` is the state that the page showed when the voter acted; the machine
// ignores a step that does not fit its own state. Returns the state after it.
export async function act(shown, action, fields = {}) {
  const response = await fetch('/act', {
    method: 'POST',
    cache: 'no-store',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ session: shown.session, revision: shown.revision, action, ...fields }),
  });
  if (!response.ok) throw new Error(`${action}: ${response.status}`);
  return response.json();
}
