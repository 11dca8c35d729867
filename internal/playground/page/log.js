// The log: what the bot calls and is told of. It keeps the last few hundred
// entries, and what is in one is drawn when it is opened.

import { $, el } from './dom.js';
import { callButtons } from './copy.js';
import { refusal, t } from './words.js';

const kept = 400;
let entries = []; // {kind, at, data}, the newest last
let list;

export function startLog() {
  list = $('log');
  $('filter').addEventListener('change', redraw);
  $('clear-log').addEventListener('click', () => {
    entries = [];
    redraw();
  });
}

export function clearLog() {
  entries = [];
}

// note takes a call or an event; many may come before show.
export function note(item) {
  entries.push({ kind: item.type, at: item.time, data: item.data, fresh: true });
}

export function showLog() {
  if (entries.length > kept) entries = entries.slice(-kept);
  for (const e of entries.filter((e) => e.fresh)) {
    e.fresh = false;
    if (wanted(e)) list.prepend(row(e));
  }
  while (list.childElementCount > kept) list.lastElementChild.remove();
  list.querySelector(':scope > .empty')?.remove();
  if (list.childElementCount === 0) list.append(el('li', { className: 'empty' }, t('noLog')));
}

export function redraw() {
  list.replaceChildren();
  for (const e of entries) e.fresh = true;
  showLog();
}

function wanted(e) {
  switch ($('filter').value) {
    case 'calls': return e.kind === 'call';
    case 'refused': return e.kind === 'call' && Boolean(e.data.error);
    case 'events': return e.kind === 'event';
    default: return true;
  }
}

function row(e) {
  const d = e.data;
  const isCall = e.kind === 'call';
  const what = isCall ? d.method : `→ ${d.event?.type}`;
  const mark = !isCall ? null : d.error ? el('span', { className: 'refused' }, `✗ ${d.error.error_code}`) : el('span', { className: 'good' }, '✓');
  const details = el('details', { className: d.nested ? 'nested' : '' },
    el('summary', null, el('span', { className: 'what' }, what), mark,
      el('span', { className: 'when' }, new Date(e.at * 1000).toLocaleTimeString(document.documentElement.lang))));
  details.addEventListener('toggle', () => {
    while (details.childElementCount > 1) details.lastElementChild.remove();
    if (details.open) details.append(...(isCall ? inside(d) : [el('pre', { tabindex: 0 }, JSON.stringify(d.event, null, 2))]));
  });
  return el('li', null, details);
}

// inside is a call in full: why it was refused, its parameters, its answer.
function inside(c) {
  const out = [];
  if (c.error) {
    out.push(el('div', { className: 'why' }, el('strong', null, `${c.error.error_code}: ${c.error.error_msg}`), el('br'), refusal(c.error.error_code)));
  }
  const names = Object.keys(c.params).sort();
  if (names.length > 0) {
    out.push(el('table', null, el('caption', { className: 'hidden' }, t('parameters')),
      el('tbody', null, names.map((n) => el('tr', null, el('th', { scope: 'row' }, n), el('td', { dir: 'auto' }, pretty(c.params[n])))))));
  }
  if (c.response_cut) out.push(el('p', null, t('cut')));
  else if (c.response !== undefined) out.push(el('p', { className: 'meta' }, t('answered')), el('pre', { tabindex: 0 }, JSON.stringify(c.response, null, 2)));
  out.push(callButtons(c));
  return out;
}

// pretty lays JSON out that stands in a parameter.
function pretty(text) {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
