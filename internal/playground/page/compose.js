// The input field: writing, answering, forwarding, editing, attaching.

import { $, el, menu, said, snackbar } from './dom.js';
import { inventions } from './attachment.js';
import { post } from './server.js';
import { t } from './words.js';
import { what } from './message.js';

let place = { user: 0, peer: 0 };
let reply, editing;
let forward = [], attachments = [];
let typed = 0; // when the bot was last told that the person types

// attempt does something on the server, and says if it is refused.
export async function attempt(doing) {
  try {
    return await doing();
  } catch (err) {
    snackbar(err.message, { wrong: true });
    return undefined;
  }
}

// composeIn says in which conversation is written.
export function composeIn(user, peer) {
  if (place.user === user && place.peer === peer) return;
  place = { user, peer };
  clear();
  $('input').value = '';
}

function clear() {
  reply = editing = undefined;
  forward = [];
  attachments = [];
  chips();
}

export function replyTo(m) {
  editing = undefined;
  reply = m;
  chips();
  $('input').focus();
}

export function forwardAlso(m) {
  editing = undefined;
  if (!forward.some((f) => f.cmid === m.cmid) && forward.length < 100) forward.push(m);
  chips();
  $('input').focus();
}

export function editNow(m) {
  clear();
  editing = m;
  $('input').value = m.text;
  chips();
  $('input').focus();
}

function chips() {
  const chip = (words, away) => el('div', { className: 'chip' }, el('span', { dir: 'auto' }, words),
    el('button', { type: 'button', 'aria-label': `${t('cancel')}: ${words}`, onclick: () => { away(); chips(); $('input').focus(); } }, '×'));
  $('chips').replaceChildren(...[
    reply && chip(t('replying', { text: what(reply) }), () => { reply = undefined; }),
    editing && chip(t('editing', { text: what(editing) }), () => { editing = undefined; $('input').value = ''; }),
    ...forward.map((m) => chip(t('forwarding', { text: what(m) }), () => { forward = forward.filter((f) => f !== m); })),
    ...attachments.map((a) => chip(t(a.type), () => { attachments = attachments.filter((b) => b !== a); })),
  ].filter(Boolean));
  $('send').textContent = t(editing ? 'save' : 'send');
}

async function send() {
  const text = $('input').value;
  if (editing) {
    const m = editing;
    if (await attempt(() => post('/sim/edit', { ...place, cmid: m.cmid, text })) && editing === m) {
      clear();
      $('input').value = '';
    }
    return;
  }
  if (text.trim() === '' && attachments.length === 0 && forward.length === 0) return;
  const body = { ...place, text };
  if (reply) body.reply_to = reply.cmid;
  if (forward.length > 0) body.forward = forward.map((m) => m.cmid);
  if (attachments.length > 0) body.attachments = attachments;
  // What is typed or chosen from now on is for the next message, even before the
  // server has answered.
  const sent = { reply, forward, attachments };
  $('input').value = '';
  clear();
  typed = 0;
  if (await attempt(() => post('/sim/send', body))) return;
  if ($('input').value !== '' || editing || reply || forward.length + attachments.length > 0) return;
  ({ reply, forward, attachments } = sent);
  $('input').value = text;
  chips();
}

const alone = (fields) => attempt(() => post('/sim/send', { ...place, ...fields }));

export function startCompose() {
  $('compose').addEventListener('submit', (e) => {
    e.preventDefault();
    send();
  });
  let shift = false;
  // Enter is what breaks the line, whatever keyboard it comes from.
  $('input').addEventListener('beforeinput', (e) => {
    if (e.inputType !== 'insertLineBreak' && e.inputType !== 'insertParagraph' || shift || e.isComposing) return;
    e.preventDefault();
    send();
  });
  $('input').addEventListener('keydown', (e) => {
    shift = e.shiftKey;
    if (e.key === 'Escape') {
      if (editing) $('input').value = '';
      clear();
    }
  });
  $('input').addEventListener('input', () => {
    if (Date.now() - typed < 5000 || $('input').value === '') return;
    typed = Date.now();
    post('/sim/type', place).catch(() => {}); // who may not write is told at the sending
  });
  $('attach').addEventListener('click', (e) => menu(e.currentTarget,
    ...Object.keys(inventions).map((kind) => el('button', {
      type: 'button', 'data-attach': kind, onclick: () => {
        if (attachments.length < 10) attachments.push(inventions[kind](place.user));
        chips();
        setTimeout(() => $('input').focus());
      },
    }, said(kind))),
    el('button', { type: 'button', 'data-attach': 'sticker', onclick: () => alone({ sticker: 9019 }) }, said('sticker')),
    el('button', { type: 'button', 'data-attach': 'location', onclick: () => alone({ geo: { lat: 59.94, long: 30.31 } }) }, said('location'))));
  chips();
}

export const redrawCompose = chips;
