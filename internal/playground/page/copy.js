// Copying a conversation: as a test in Go, as requests for curl, or as JSON.

import { $, ask, el, menu, said } from './dom.js';
import { attempt } from './compose.js';
import { get } from './server.js';
import { t } from './words.js';

// forms are the ways to copy a conversation: the request, and the text in its
// answer.
const forms = {
  test: { path: '/sim/test', title: 'testTitle', copied: 'copied', text: (v) => v.test },
  curl: { path: '/sim/script', title: 'curlTitle', copied: 'copiedCurl', text: (v) => v.script },
  json: { path: '/sim/messages', title: 'jsonTitle', copied: 'copiedText', text: (v) => JSON.stringify(v, null, 2) },
};

// startCopy makes the button that opens the menu; where says which conversation is
// open.
export function startCopy(where) {
  $('copy').addEventListener('click', (e) => menu(e.currentTarget, ...Object.keys(forms).map((name) => el('button', {
    type: 'button', 'data-copy': name, onclick: () => setTimeout(() => copy(forms[name], where())),
  }, said(`copy_${name}`)))));
}

async function copy(form, place) {
  const answer = await attempt(() => get(form.path, place));
  if (answer) show(form.title, form.copied, form.text(answer));
}

// show copies a text and shows it, to be taken from there if the browser does not
// let pages copy.
async function show(title, copied, text) {
  const area = el('textarea', { readonly: true, 'aria-label': t(title), spellcheck: 'false', value: text });
  const words = await toClipboard(text) ? copied : 'notCopied';
  ask(title, el('p', { role: 'status' }, said(words)), area, el('div', { className: 'row' }, el('button', { value: 'close' }, said('close'))));
  area.focus();
  area.select();
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

const quoted = (s) => `'${String(s).replaceAll("'", "'\\''")}'`;

// callButtons are for a call of the API: as curl, and as JSON.
export function callButtons(c) {
  const curl = () => [`curl -sS ${quoted(`${location.origin}/method/${c.method}`)}`, '-d "access_token=$TOKEN"',
    ...Object.keys(c.params).sort().map((n) => `--data-urlencode ${quoted(`${n}=${c.params[n]}`)}`)].join(' \\\n  ');
  const { method, params, response, error } = c;
  return el('div', { className: 'row' },
    el('button', { type: 'button', className: 'quiet', onclick: () => show('curlTitle', 'copiedText', curl()) }, said('copy_curl')),
    el('button', { type: 'button', className: 'quiet', onclick: () => show('jsonTitle', 'copiedText', JSON.stringify({ method, params, response, error }, null, 2)) }, said('copy_json')));
}
