// One message, as VK's clients show it.

import { el, menu, said } from './dom.js';
import { attachment, place as location } from './attachment.js';
import { buttons, carousel } from './keyboard.js';
import { formatted } from './text.js';
import { known, t } from './words.js';

export const emoji = ['❤️', '🔥', '😂', '👍', '💩', '❓', '😭', '😡', '👎', '👌', '😃', '🤔', '🙏', '😘', '😍', '🎉'];

export function avatar(id, name) {
  const initials = [...name.trim().split(/\s+/).slice(0, 2)].map((w) => [...w][0] || '').join('').toUpperCase();
  const e = el('span', { className: 'avatar', 'aria-hidden': true }, initials || '?');
  e.style.setProperty('--hue', String((Math.imul(id, 2654435761) >>> 0) % 360));
  return e;
}

// quoted is an answered or forwarded message, with those within it.
function quoted(m, names, depth) {
  return el('blockquote', { className: 'quote' }, el('div', { className: 'author' }, names(m.from_id)), content(m, names, depth + 1));
}

function content(m, names, depth = 0) {
  const parts = [];
  if (depth > 4) return ['…'];
  if (m.reply) parts.push(quoted(m.reply, names, depth));
  if (m.text) parts.push(el('div', { className: 'text', dir: 'auto' }, formatted(m.text, m.format_data)));
  for (const a of m.attachments || []) parts.push(attachment(a));
  if (m.geo) parts.push(location(m.geo));
  if (m.forward) parts.push(el('div', { className: 'meta' }, t('forwarded')), m.forward.slice(0, 100).map((f) => quoted(f, names, depth)));
  return parts.flat();
}

export function action(m, names) {
  const a = m.action;
  const values = { who: names(m.from_id), whom: a.member_id ? names(a.member_id) : '', text: a.text || '' };
  return known(a.type) ? t(a.type, values) : t('otherAction', { ...values, text: `${a.type} ${values.text}` });
}

// what is a short way to name a message.
export function what(m) {
  const text = m.text || (m.attachments || []).map((a) => known(a.type) ? t(a.type) : a.type).join(', ') || '…';
  return [...text].length > 60 ? [...text].slice(0, 60).join('') + '…' : text;
}

// message draws one; env has me, peer, names(id), read, pinned and do(what, m, …).
export function message(m, env) {
  if (m.action) {
    return el('li', { className: 'action', 'data-cmid': m.cmid, tabindex: -1 }, action(m, env.names));
  }
  const mine = m.from_id === env.me;
  const place = { user: env.me, peer: env.peer, cmid: m.cmid };
  const author = env.names(m.from_id);
  if (m.deleted) {
    return el('li', { className: `message deleted ${mine ? 'mine' : ''}`, 'data-cmid': m.cmid, tabindex: -1 },
      avatar(m.from_id, author), el('div', { className: 'body' }, el('div', { className: 'bubble' }, el('div', { className: 'text' }, t('deleted')))));
  }
  const inline = m.keyboard?.inline ? m.keyboard.buttons : [];
  const alone = !m.text && !m.reply && !m.forward && m.attachments?.length === 1 && m.attachments[0].type === 'sticker';
  const shape = m.carousel ? 'cards' : inline.length > 0 ? 'wide' : alone ? 'bare' : '';
  const time = new Date(m.date * 1000).toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
  const notes = [m.edited && t('edited'), env.pinned === m.cmid && t('pinned'), mine && env.read >= m.cmid && t('read'), time].filter(Boolean).join(' · ');
  const more = el('button', {
    type: 'button', className: 'icon more', tabindex: -1, 'aria-label': t('actions'), 'aria-haspopup': 'menu', 'aria-expanded': 'false',
    onclick: (e) => menu(e.currentTarget, items(m, env)),
  }, '⋯');
  const bubble = el('div', { className: 'bubble', onclick: (e) => tapped(e, more) },
    !mine && el('div', { className: 'author', dir: 'auto' }, author),
    content(m, env.names),
    el('div', { className: 'meta' }, notes));
  more.opensAt = bubble;
  return el('li', {
    className: `message ${mine ? 'mine' : 'theirs'} ${shape}`, 'data-cmid': m.cmid, tabindex: -1,
    'aria-label': `${author}: ${what(m)}. ${notes}`,
  },
  avatar(m.from_id, author),
  el('div', { className: 'body' },
    bubble,
    m.carousel && carousel(place, m.carousel),
    inline.length > 0 && buttons(place, inline),
    reactions(m, env)),
  more);
}

// Where there is no room for the button beside the message, a tap on the message
// opens its menu.
const crowded = matchMedia('(max-width: 720px), (hover: none)');

function tapped(e, more) {
  if (crowded.matches && !e.target.closest('a, button') && !getSelection().toString()) more.click();
}

function reactions(m, env) {
  if (!m.reactions?.length) return null;
  const by = Map.groupBy ? Map.groupBy(m.reactions, (r) => r.reaction_id) : new Map(m.reactions.map((r) => [r.reaction_id, m.reactions.filter((o) => o.reaction_id === r.reaction_id)]));
  return el('div', { className: 'reactions' }, [...by].map(([id, list]) => {
    const own = list.some((r) => r.from_id === env.me);
    const face = emoji[id - 1] || `#${id}`;
    return el('button', {
      type: 'button', 'aria-pressed': String(own), 'aria-label': `${t('reaction', { name: face })}: ${list.map((r) => env.names(r.from_id)).join(', ')}`,
      onclick: () => env.do('react', m, own ? 0 : id),
    }, `${face} ${list.length}`);
  }));
}

function items(m, env) {
  const own = m.from_id === env.me;
  const item = (name, on = true) => on && el('button', { type: 'button', onclick: () => env.do(name, m) }, said(name));
  return [
    el('div', { className: 'emoji', role: 'group' }, emoji.map((face, i) => el('button', {
      type: 'button', 'aria-label': t('reaction', { name: face }), onclick: () => env.do('react', m, i + 1),
    }, face))),
    item('reply'), item('forward'), item('edit', own), item('remove', own),
    item(env.pinned === m.cmid ? 'unpin' : 'pin', env.peer > 0),
  ].filter(Boolean);
}
