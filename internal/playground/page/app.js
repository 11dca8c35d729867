// The page as a whole: who one is, which conversation is open, and what is
// drawn when something happens.

import { $, ask, el, said } from './dom.js';
import { attempt, composeIn, editNow, forwardAlso, redrawCompose, replyTo, startCompose } from './compose.js';
import { answered, buttons } from './keyboard.js';
import { avatar, message } from './message.js';
import { clearLog, note, redraw as redrawLog, showLog, startLog } from './log.js';
import { follow, get, post } from './server.js';
import { load, save } from './settings.js';
import { setLanguage, t } from './words.js';
import { showFaults } from './faults.js';
import { startCopy } from './copy.js';
import { knowPeople } from './text.js';

const shownMessages = 200; // of one conversation

let world = { users: [], groups: [], chats: [], group_id: 0 };
let me = 0, peer = 0;
let members = new Map();  // group → whether the person of the page has joined, as far as the page knows
let allowed = new Map();
let unread = new Map();   // "user/peer" → how many
let connection = '';
let drawn = new Map();    // cmid → {text, element} of the open conversation
let drawnOf = '';
let keyboardOf = '';       // what is under the input field, as text
let typingTimer;

const here = () => `${me}/${peer}`;

function names(id) {
  if (id < 0) return world.groups.find((g) => g.id === -id)?.name || `club${-id}`;
  const u = world.users.find((u) => u.id === id);
  return u ? `${u.first_name} ${u.last_name || ''}`.trim() : `id${id}`;
}

// conversations are those of the person of the page.
function conversations() {
  return [
    ...world.groups.map((g) => ({ peer: -g.id, title: g.name, about: t('privately') })),
    ...world.chats.filter((c) => c.members.includes(me)).map((c) => ({ peer: c.id, title: c.title, about: t('members', { n: c.members.length }) })),
  ];
}

async function readWorld() {
  world = await get('/sim/world');
  knowPeople(world);
  if (!world.users.some((u) => u.id === me)) me = (world.users.find((u) => world.chats.some((c) => c.members.includes(u.id))) || world.users[0])?.id || 0;
  if (!conversations().some((c) => c.peer === peer)) peer = -world.group_id;
  drawSide();
}

function drawSide() {
  $('me').replaceChildren(...world.users.slice(0, 1000).map((u) => el('option', { value: String(u.id), selected: u.id === me }, names(u.id))));
  const focused = document.activeElement?.dataset?.peer;
  $('chats').replaceChildren(...conversations().slice(0, 1000).map((c) => {
    const n = unread.get(`${me}/${c.peer}`) || 0;
    return el('li', null, el('button', { 'data-peer': c.peer, 'aria-current': String(c.peer === peer), onclick: () => open(me, c.peer) },
      avatar(c.peer, c.title), el('span', { className: 'name', dir: 'auto' }, c.title),
      n > 0 && el('span', { className: 'badge' }, el('span', { 'aria-hidden': true }, String(n)), el('span', { className: 'hidden' }, t('unread', { n })))));
  }));
  if (focused) $('chats').querySelector(`[data-peer="${focused}"]`)?.focus();
  const g = world.groups.find((g) => g.id === (peer < 0 ? -peer : world.group_id));
  $('about').replaceChildren(...(g ? [['groupId', g.id], ['token', g.token || ''], ['address', location.origin]] : [])
    .flatMap(([name, v]) => [el('dt', null, t(name)), el('dd', null, String(v))]));
  $('membership').textContent = t(members.get(here()) ? 'left' : 'joined');
  $('permission').textContent = t(allowed.get(here()) === false ? 'allow' : 'deny');
  $('membership').hidden = $('permission').hidden = peer > 0;
  $('reset').hidden = Boolean(world.fixed);
  const c = conversations().find((c) => c.peer === peer);
  $('title').textContent = c?.title || '';
  $('subtitle').textContent = c?.about || '';
}

// open shows another conversation, or the same as somebody else.
function open(user, to) {
  me = user;
  peer = to;
  if (!conversations().some((c) => c.peer === peer)) peer = -world.group_id;
  unread.delete(here());
  composeIn(me, peer);
  if (drawnOf !== here()) { // nobody is to press somebody else's buttons
    drawnOf = keyboardOf = '';
    $('messages').replaceChildren();
    $('keyboard').replaceChildren();
    drawTyping([]);
  }
  drawSide();
  sideOpens(false);
  readMessages();
}

// once makes of f a function that runs one at a time: asked for again
// meanwhile, it runs once more.
function once(f) {
  let running, again = false;
  return () => {
    if (running) {
      again = true;
      return running;
    }
    running = (async () => {
      do {
        again = false;
        await f();
      } while (again);
    })().catch(() => {}).finally(() => { running = undefined; });
    return running;
  };
}

const readMessages = once(async () => {
  const of = here();
  if (!me) return;
  const c = await get('/sim/messages', { user: me, peer, limit: shownMessages });
  if (of !== here()) {
    readMessages(); // once more: another conversation is open now
    return;
  }
  drawMessages(c);
  drawTyping(c.typing);
  const last = c.messages.at(-1);
  if (last && last.from_id !== me && !document.hidden && last.cmid > (readUpTo.get(of) || 0)) {
    readUpTo.set(of, last.cmid);
    post('/sim/read', { user: me, peer, cmid: last.cmid }).catch(() => {});
  }
});
const readUpTo = new Map();

function drawMessages(c) {
  const list = $('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const env = { me, peer, names, read: c.read || 0, pinned: c.pinned || 0, do: doTo };
  const changed = drawnOf !== here();
  if (changed) {
    drawnOf = here();
    drawn = new Map();
    list.setAttribute('aria-live', 'off'); // what was said long ago is not news
    list.replaceChildren();
  }
  list.querySelector('.empty')?.remove();
  const next = new Map();
  let before = null;
  for (const m of c.messages.toReversed()) {
    const text = JSON.stringify([m, env.read >= m.cmid, env.pinned === m.cmid, document.documentElement.lang, names(m.from_id)]);
    let d = drawn.get(m.cmid);
    if (!d || d.text !== text) {
      const element = message(m, env);
      const hadFocus = d?.element.contains(document.activeElement);
      if (d) d.element.replaceWith(element);
      else list.insertBefore(element, before);
      if (hadFocus) element.focus();
      d = { text, element };
    }
    next.set(m.cmid, d);
    before = d.element;
  }
  for (const [cmid, d] of drawn) if (!next.has(cmid)) d.element.remove();
  drawn = next;
  if (c.messages.length === 0) {
    list.append(el('li', { className: 'empty' }, t('empty'), ' ',
      peer < 0 && el('button', { onclick: () => attempt(() => post('/sim/start', { user: me, peer })) }, t('start'))));
  }
  if (changed) setTimeout(() => list.setAttribute('aria-live', 'polite'), 500);
  if (changed || atEnd) list.scrollTop = list.scrollHeight;
  drawKeyboard(c.keyboard);
}

function drawKeyboard(k) {
  const text = JSON.stringify([here(), k, document.documentElement.lang]);
  const rows = k?.buttons?.length > 0;
  $('toggle-keyboard').hidden = !rows;
  if (text === keyboardOf) return;
  keyboardOf = text;
  const list = $('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const hadFocus = $('keyboard').contains(document.activeElement);
  $('keyboard').replaceChildren(...(rows ? [buttons({ user: me, peer, cmid: 0 }, k.buttons)] : []));
  $('keyboard').hidden = false;
  $('toggle-keyboard').setAttribute('aria-expanded', 'true');
  if (hadFocus) $('input').focus();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function drawTyping(typing) {
  const others = typing.filter((w) => w.id !== me);
  $('typing').textContent = others.slice(0, 3).map((w) => t(w.state === 'audiomessage' ? 'recording' : 'typing', { name: names(w.id) })).join(' ');
  clearTimeout(typingTimer);
  if (others.length > 0) typingTimer = setTimeout(readMessages, 3000); // it ends by itself
}

// doTo does what was chosen in the menu of a message.
function doTo(name, m, reaction) {
  const at = { user: me, peer, cmid: m.cmid };
  switch (name) {
    case 'reply': setTimeout(() => replyTo(m)); break;
    case 'forward': setTimeout(() => forwardAlso(m)); break;
    case 'edit': setTimeout(() => editNow(m)); break;
    case 'remove': attempt(() => post('/sim/delete', at)); break;
    case 'react': attempt(() => post('/sim/react', { ...at, reaction })); break;
    case 'pin': attempt(() => post('/sim/pin', at)); break;
    case 'unpin': attempt(() => post('/sim/unpin', { user: me, peer })); break;
  }
}

// happened takes what the stream tells.
function happened(items, past) {
  let redraw = false, people = false, calls = false;
  if (past) { // all anew: what the log had is among it, or of another server
    clearLog();
    redrawLog();
  }
  for (const { type, data, ...item } of items) {
    switch (type) {
      case 'call':
      case 'event':
        note({ type, data, ...item });
        calls = true;
        continue;
      case 'user': case 'group': case 'chat':
        people = true;
        continue;
      case 'reset':
        clearLog();
        drawnOf = '';
        unread.clear();
        readUpTo.clear();
        people = redraw = true;
        continue;
      case 'answer':
        if (!past && data.press.user_id === me) answered(data.press);
        continue;
    }
    if (past) continue;
    const mine = (data.user === me || !data.user) && data.peer === peer;
    if (mine) redraw = true;
    if (type !== 'message') continue;
    if (data.message.action) people = true; // members, titles
    if (!mine && data.message.from_id < 0) {
      const readers = data.user ? [data.user] : world.chats.find((c) => c.id === data.peer)?.members || [];
      for (const u of readers.slice(0, 100)) if (u > 0) unread.set(`${u}/${data.peer}`, (unread.get(`${u}/${data.peer}`) || 0) + 1);
      if (readers.includes(me)) drawSide();
    }
  }
  if (people) readPeople();
  if (redraw) readMessages();
  if (calls) {
    showLog();
    if (!$('view-faults').hidden) showFaults();
  }
}

const readPeople = once(async () => {
  await readWorld();
  await readMessages();
});

function showState(now) {
  if (now === connection) return;
  connection = now;
  $('state').textContent = now ? t(now) : '';
  $('state').className = now ? 'broken' : '';
}

// form opens a dialog with fields, and does something with them unless it is
// cancelled.
function form(title, fields, done) {
  const d = ask(title, fields, el('div', { className: 'row' },
    el('button', { type: 'button', onclick: () => d.close() }, said('cancel')), el('button', { className: 'send', value: 'ok' }, said('create'))));
  d.querySelector('form').addEventListener('submit', async (e) => {
    e.preventDefault();
    if (await attempt(() => done(new FormData(e.target)))) d.close();
  });
}

function addUser() {
  form('addUser', [
    el('label', { className: 'field' }, said('name'), el('input', { name: 'name', required: true, maxlength: 100 })),
    el('label', { className: 'field' }, said('lang'), el('select', { name: 'lang' }, ['en', 'ru', 'uk', 'be', 'es', 'fi', 'de', 'it'].map((l) => el('option', null, l)))),
  ], async (f) => {
    const [first, ...last] = f.get('name').trim().split(/\s+/);
    const u = await post('/sim/users', { first_name: first, last_name: last.join(' '), lang: f.get('lang') });
    await readWorld();
    open(u.id, -world.group_id);
    return u;
  });
}

function addChat() {
  form('addChat', [
    el('label', { className: 'field' }, said('title'), el('input', { name: 'title', required: true, maxlength: 100 })),
    el('fieldset', null, el('legend', null, said('who')), world.users.slice(0, 100).map((u) => el('label', null,
      el('input', { type: 'checkbox', name: 'member', value: String(u.id), checked: u.id === me }), names(u.id)))),
  ], async (f) => {
    const c = await post('/sim/chats', { title: f.get('title'), members: f.getAll('member').map(Number) });
    await readWorld();
    open(me, c.id);
    return c;
  });
}

function sideOpens(is) {
  $('side').classList.toggle('open', is);
  $('show-side').setAttribute('aria-expanded', String(is));
}

function tab(name, focus) {
  for (const n of ['log', 'faults']) {
    const on = n === name;
    $(`tab-${n}`).setAttribute('aria-selected', String(on));
    $(`tab-${n}`).tabIndex = on ? 0 : -1;
    $(`view-${n}`).hidden = !on;
  }
  if (focus) $(`tab-${name}`).focus();
  if (name === 'faults') showFaults();
}

// The arrow keys go from message to message, and Enter opens the menu of one.
function moveInMessages(e) {
  if (e.target.closest('button, a, .carousel') && e.key !== 'Escape') return;
  const all = [...$('messages').querySelectorAll('[data-cmid]')];
  const at = all.indexOf(document.activeElement.closest('[data-cmid]'));
  let to;
  switch (e.key) {
    case 'ArrowUp': to = at < 0 ? all.at(-1) : all[at - 1]; break;
    case 'ArrowDown': to = all[at + 1]; break;
    case 'Home': to = all[0]; break;
    case 'End': to = all.at(-1); break;
    case 'Enter': all[at]?.querySelector('.more')?.click(); break;
    case 'Escape': $('input').focus(); break;
    default: return;
  }
  e.preventDefault();
  to?.focus();
}

// belongs does what a person does with the community, and remembers it.
async function belongs(what, state, yes, no) {
  const on = state.get(here()) ?? (what === 'permission');
  if (await attempt(() => post(on ? no : yes, what === 'permission' || !on ? { user: me, group_id: -peer } : { user: me, peer }))) state.set(here(), !on);
  drawSide();
}

function speak(code) {
  setLanguage(code);
  redrawCompose();
  drawSide();
  redrawLog();
  showFaults();
  readMessages();
  if (connection) $('state').textContent = t(connection);
}

// On a phone, the page has one head: that of the conversation. Language and theme
// are chosen beside the list of conversations.
const phone = matchMedia('(max-width: 720px)');

function arrange() {
  const [head, top] = [$('chat-head'), $('top')];
  if (phone.matches) {
    top.insertBefore($('heading'), $('state'));
    top.insertBefore($('copy'), $('show-log'));
    $('side').append($('looks'));
  } else {
    head.append($('heading'), $('copy'));
    top.insertBefore($('looks'), $('show-log'));
  }
}

function start() {
  const language = load('language') || (navigator.languages.some((l) => /^(ru|be|uk|kk)\b/i.test(l)) ? 'ru' : 'en');
  $('language').value = language;
  $('language').addEventListener('change', (e) => { save('language', e.target.value); speak(e.target.value); });
  const theme = load('theme');
  const dress = (v) => { if (v) document.documentElement.dataset.theme = v; else delete document.documentElement.dataset.theme; };
  $('theme').value = theme;
  dress(theme);
  $('theme').addEventListener('change', (e) => { save('theme', e.target.value); dress(e.target.value); });
  addEventListener('storage', (e) => { // another tab has switched
    if (e.key === 'vktest.language' && e.newValue) { $('language').value = e.newValue; speak(e.newValue); }
    if (e.key === 'vktest.theme') { $('theme').value = e.newValue || ''; dress(e.newValue); }
  });
  phone.addEventListener('change', arrange);
  arrange();
  setLanguage(language);

  startLog();
  startCompose();
  $('me').addEventListener('change', (e) => open(Number(e.target.value), peer));
  $('add-user').addEventListener('click', addUser);
  $('add-chat').addEventListener('click', addChat);
  startCopy(() => ({ user: me, peer }));
  $('membership').addEventListener('click', () => belongs('membership', members, '/sim/join', '/sim/leave'));
  $('permission').addEventListener('click', () => belongs('permission', allowed, '/sim/allow', '/sim/deny'));
  $('reset').addEventListener('click', () => attempt(() => post('/sim/reset', {})));
  $('messages').addEventListener('keydown', moveInMessages);
  $('toggle-keyboard').addEventListener('click', () => {
    $('keyboard').hidden = !$('keyboard').hidden;
    $('toggle-keyboard').setAttribute('aria-expanded', String(!$('keyboard').hidden));
  });
  $('show-side').addEventListener('click', () => sideOpens(!$('side').classList.contains('open')));
  $('show-log').addEventListener('click', () => {
    const is = $('panel').classList.toggle('open');
    $('show-log').setAttribute('aria-expanded', String(is));
  });
  for (const n of ['log', 'faults']) {
    $(`tab-${n}`).addEventListener('click', () => tab(n));
    $(`tab-${n}`).addEventListener('keydown', (e) => {
      if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') tab(n === 'log' ? 'faults' : 'log', true);
    });
  }
  document.addEventListener('visibilitychange', () => document.hidden || readMessages());
  showLog();
  follow({
    begin: async () => {
      await readWorld();
      composeIn(me, peer);
      await readMessages();
    },
    events: happened,
    state: showState,
  });
  $('input').focus();
}

start();
