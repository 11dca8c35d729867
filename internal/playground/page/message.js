// One message, as VK's clients show it.

import { el, link, menu } from './dom.js';
import { attachment, place as location } from './attachment.js';
import { buttons, carousel } from './keyboard.js';
import { known, t } from './words.js';

export const emoji = ['❤️', '🔥', '😂', '👍', '💩', '❓', '😭', '😡', '👎', '👌', '😃', '🤔', '🙏', '😘', '😍', '🎉'];

export function avatar(id, name) {
  const initials = [...name.trim().split(/\s+/).slice(0, 2)].map((w) => [...w][0] || '').join('').toUpperCase();
  const e = el('span', { className: 'avatar', 'aria-hidden': true }, initials || '?');
  e.style.setProperty('--hue', String((Math.imul(id, 2654435761) >>> 0) % 360));
  return e;
}

const mention = /\[((?:id|club|public)\d+)\|([^\]]{1,200})\]/g;

// withMentions is a text whose [id1|Anna] are names.
function withMentions(text) {
  const out = [];
  let at = 0;
  for (const m of text.matchAll(mention)) {
    out.push(text.slice(at, m.index), el('span', { className: 'mention', title: m[1] }, m[2]));
    at = m.index + m[0].length;
  }
  out.push(text.slice(at));
  return out;
}

const tags = { bold: 'strong', italic: 'em', underline: 'u', strikethrough: 's' };

// formatted is a text with its format_data: pieces between all the ends, each
// within the formats that hold there.
function formatted(text, data) {
  const items = (data?.items || []).filter((i) => Number.isInteger(i.offset) && Number.isInteger(i.length) && i.length > 0).slice(0, 200);
  if (items.length === 0) return withMentions(text);
  const ends = [...new Set([0, text.length, ...items.flatMap((i) => [i.offset, i.offset + i.length])])]
    .filter((n) => n >= 0 && n <= text.length).sort((a, b) => a - b);
  return ends.slice(1).flatMap((end, n) => {
    const begin = ends[n];
    let piece = withMentions(text.slice(begin, end));
    for (const i of items) {
      if (i.offset > begin || i.offset + i.length < end) continue;
      if (i.type === 'url') piece = [link(i.url, piece.map((p) => p.textContent ?? p).join(''))];
      else if (Object.hasOwn(tags, i.type)) piece = [el(tags[i.type], null, piece)];
    }
    return piece;
  });
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
  const wide = inline.length > 0 || m.carousel;
  const time = new Date(m.date * 1000).toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
  const notes = [m.edited && t('edited'), env.pinned === m.cmid && t('pinned'), mine && env.read >= m.cmid && t('read'), time].filter(Boolean).join(' · ');
  const more = el('button', {
    type: 'button', className: 'icon more', tabindex: -1, 'aria-label': t('actions'), 'aria-haspopup': 'menu', 'aria-expanded': 'false',
    onclick: (e) => menu(e.currentTarget, items(m, env)),
  }, '⋯');
  return el('li', {
    className: `message ${mine ? 'mine' : 'theirs'} ${wide ? 'wide' : ''}`, 'data-cmid': m.cmid, tabindex: -1,
    'aria-label': `${author}: ${what(m)}. ${notes}`,
  },
  avatar(m.from_id, author),
  el('div', { className: 'body' },
    el('div', { className: 'bubble' },
      !mine && el('div', { className: 'author', dir: 'auto' }, author),
      content(m, env.names),
      el('div', { className: 'meta' }, notes)),
    m.carousel && carousel(place, m.carousel),
    inline.length > 0 && buttons(place, inline),
    reactions(m, env)),
  more);
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
  const item = (name, on = true) => on && el('button', { type: 'button', onclick: () => env.do(name, m) }, t(name));
  return [
    el('div', { className: 'emoji', role: 'group' }, emoji.map((face, i) => el('button', {
      type: 'button', 'aria-label': t('reaction', { name: face }), onclick: () => env.do('react', m, i + 1),
    }, face))),
    item('reply'), item('forward'), item('edit', own), item('remove', own),
    item(env.pinned === m.cmid ? 'unpin' : 'pin', env.peer > 0),
  ].filter(Boolean);
}
