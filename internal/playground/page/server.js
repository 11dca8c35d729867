// The requests of /sim, and the stream of what happens.

export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function request(method, path, body, signal) {
  const r = await fetch(path, { method, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  let v;
  try {
    v = await r.json();
  } catch {
    throw new Refused('unreadable', `${r.status} ${r.statusText}`);
  }
  if (v.error) throw new Refused(v.error.code, v.error.message);
  return v;
}

export const get = (path, query, signal) => request('GET', query ? `${path}?${new URLSearchParams(query)}` : path, undefined, signal);
export const post = (path, body) => request('POST', path, body);
export const remove = (path) => request('DELETE', path);

const pause = (ms, signal) => new Promise((done) => {
  const t = setTimeout(done, ms);
  signal?.addEventListener('abort', () => { clearTimeout(t); done(); }, { once: true });
});

// follow tells of what happens, for as long as the page is there: events in
// order, begin() when all has to be looked at anew, because the page has just
// come or has missed something, and state(words) of the connection.
//
// A tab that nobody looks at asks for nothing: browsers give a server six
// connections for all of their tabs, and the server lets a thousand wait.
export async function follow({ begin, events, state }) {
  const recent = 300; // what a page that has just come, or comes again, wants of the past
  let next = -recent, stream = '', wait = 0, failures = 0, crowded = 0;
  let shown = new AbortController();
  document.addEventListener('visibilitychange', () => shown.abort());
  addEventListener('online', () => shown.abort());
  for (;;) {
    if (shown.signal.aborted) shown = new AbortController();
    if (document.hidden) {
      await pause(3600_000, shown.signal);
      continue;
    }
    try {
      const answer = await get('/sim/events', { since: next, stream, wait }, shown.signal);
      const anew = next < 0 || answer.lost; // lost: also when the stream is another one's
      if (anew && next >= 0) { // the server was started again, or too much has happened
        next = -recent, stream = '', wait = 0;
        continue;
      }
      stream = answer.stream;
      next = answer.next;
      if (anew || failures > 0) await begin();
      failures = 0;
      if (answer.events.length > 0) events(answer.events, anew);
      const crowd = Date.now() < crowded;
      state(crowd ? 'busy' : '');
      wait = crowd ? 0 : 25;
      if (crowd) await pause(2000, shown.signal);
    } catch (err) {
      if (shown.signal.aborted) continue;
      if (err.code === 'busy') { // too many wait: for a while, look now and then
        crowded = Date.now() + 30_000, wait = 0;
        continue;
      }
      failures++;
      state('offline');
      await pause(Math.min(500 * 2 ** failures, 15_000) * (0.5 + Math.random() / 2), shown.signal);
    }
  }
}
