// Keyboards, the buttons on messages, and carousels.

import { el, icon, link, snackbar, webAddress } from './dom.js';
import { get, post } from './server.js';
import { t } from './words.js';
import { photo } from './attachment.js';

const label = (b) => b.action.label ||
  ({ location: t('locationButton'), vkpay: t('payButton') })[b.action.type] || b.action.type;

// spinning are the presses of callback buttons that wait for an answer: the
// event_id → what to say it to. The button's own key finds it again when the
// message is drawn anew.
const spinning = new Map();

const keyOf = (place, b) => JSON.stringify([place.user, place.peer, place.cmid, b.action]);
const isSpinning = (key) => [...spinning.values()].some((p) => p.key === key);

function mark(key, busy) {
  for (const e of document.querySelectorAll('.vk')) if (e.vkKey === key) e.setAttribute('aria-busy', busy);
}

async function press(place, b) {
  const a = b.action;
  switch (a.type) {
    case 'open_link':
      snackbar(opened('opens', a.link));
      return;
    case 'open_app':
      snackbar(t('opensApp', { what: a.app_id }));
      return;
    case 'vkpay':
      snackbar(t('pays'));
      return;
  }
  const body = { user: place.user, peer: place.peer, cmid: place.cmid || -1, label: a.label || a.type };
  if (a.payload) body.payload = a.payload;
  const key = keyOf(place, b);
  mark(key, true);
  try {
    const p = await post('/sim/press', body);
    if (!p.event_id || p.answered) return;
    spinning.set(p.event_id, { key, late: setTimeout(() => settle(p.event_id, null, label(b)), 61_000) });
    const now = await get(`/sim/presses/${p.event_id}`); // it may have been answered before this was known
    if (now.answered) answered(now);
  } catch (err) {
    snackbar(err.message, { wrong: true });
  } finally {
    if (!isSpinning(key)) mark(key, false);
  }
}

function settle(event, answer, name) {
  const p = spinning.get(event);
  if (!p) return;
  clearTimeout(p.late);
  spinning.delete(event);
  if (!isSpinning(p.key)) mark(p.key, false);
  if (!answer) {
    snackbar(t('spinning', { label: name }), { wrong: true });
    return;
  }
  switch (answer.type) {
    case 'show_snackbar': snackbar(answer.text); break;
    case 'open_link': snackbar(opened('opens', answer.link), { stays: 12_000 }); break;
    case 'open_app': snackbar(t('opensApp', { what: answer.app_id })); break;
  }
}

// answered takes the answer to a press, of this page's or not.
export function answered(p) {
  settle(p.event_id, p.answer || { type: '' }, p.label);
}

// opened is what VK opens, as a link that the person may follow.
function opened(text, address) {
  const [before, after] = t(text, { what: '\0' }).split('\0');
  return el('span', null, before, webAddress(address) ? link(address) : address, after);
}

const colours = new Set(['primary', 'secondary', 'negative', 'positive']);

function button(place, b) {
  const e = el('button', {
    type: 'button', className: `vk ${colours.has(b.color) ? b.color : 'secondary'}`, 'data-type': b.action.type,
    onclick: () => press(place, b),
  }, ['open_link', 'open_app', 'location', 'vkpay'].includes(b.action.type) && icon(b.action.type), el('span', { dir: 'auto' }, label(b)));
  e.vkKey = keyOf(place, b);
  if (isSpinning(e.vkKey)) e.setAttribute('aria-busy', true);
  return e;
}

// buttons are the rows of a keyboard.
export function buttons(place, rows) {
  return el('div', { className: 'buttons' }, rows.map((row) => el('div', null, row.map((b) => button(place, b)))));
}

// carousel is cards in a row, which reaches to the edge of the conversation, with
// arrows where there are more.
export function carousel(place, cards) {
  const row = el('div', { className: 'carousel', role: 'group', 'aria-label': t('carousel'), tabindex: 0 }, cards.map((c, i) => {
    const opens = () => {
      if (c.action.type === 'open_link') snackbar(opened('opens', c.action.link));
      else snackbar(t('opensPhoto', { what: c.photo_id }));
    };
    const title = c.title || (c.action ? c.photo_id || String(i + 1) : '');
    return el('section', { className: 'card', 'aria-label': `${i + 1}/${cards.length} ${c.title || ''}` },
      c.photo_id && photo(c.photo_id, 0, 0, c.photo_id.split('_').slice(0, 2).join('_')),
      title && (c.action ? el('button', { type: 'button', className: 'card-title', onclick: opens, dir: 'auto' }, title)
        : el('p', { className: 'card-title', dir: 'auto' }, title)),
      c.description && el('p', { className: 'card-text', dir: 'auto' }, c.description),
      c.buttons && buttons(place, c.buttons.map((b) => [b])));
  }));
  const arrow = (way, step) => el('button', {
    type: 'button', className: `arrow ${way}`, tabindex: -1, 'aria-label': way === 'left' ? t('previous') : t('next'),
    onclick: () => row.scrollBy({ left: step * (row.firstElementChild.offsetWidth + 8), behavior: calm.matches ? 'auto' : 'smooth' }),
  }, icon(way));
  const left = arrow('left', -1), right = arrow('right', 1);
  const look = () => {
    left.hidden = row.scrollLeft < 8;
    right.hidden = row.scrollLeft + row.clientWidth > row.scrollWidth - 8;
  };
  row.addEventListener('scroll', look);
  new ResizeObserver(look).observe(row);
  return el('div', { className: 'cards-box' }, left, row, right);
}

const calm = matchMedia('(prefers-reduced-motion: reduce)');
