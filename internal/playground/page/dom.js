// Elements. Whatever bots and people write goes into text nodes and attributes
// that cannot run; nothing here parses HTML.

import { t } from './words.js';

// el makes an element: properties that are on the list below are set as they
// are, on* are listeners, all else are attributes; children are nodes or texts.
const plain = new Set(['className', 'textContent', 'value', 'checked', 'disabled', 'hidden', 'tabIndex', 'open', 'selected']);

export function el(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, v] of Object.entries(props || {})) {
    if (v === undefined || v === null || v === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), v);
    else if (plain.has(name)) e[name] = v;
    else e.setAttribute(name, v === true ? '' : v);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false && c !== ''));
  return e;
}

// said is a text of the page that follows the language, wherever it stands.
export const said = (name) => el('span', { 'data-t': name }, t(name));

// The shapes of icons, in a square of 24.
const shapes = {
  open_link: 'M7 17 17 7M9 7h8v8',
  open_app: 'M4 4h7v7H4zM4 14h7v7H4zM14 14h7v7h-7zM17.5 2.5l5 5-5 5-5-5z',
  location: 'M12 22c4-5 7-8 7-12a7 7 0 0 0-14 0c0 4 3 7 7 12zM12 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  vkpay: 'M3 6h18v12H3zM3 10.5h18',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
};

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
  svg.firstChild.setAttribute('d', shapes[name]);
  return svg;
}

export const $ = (id) => document.getElementById(id);

// webAddress is an address that may be opened: http or https, and nothing else.
export function webAddress(s) {
  try {
    const u = new URL(s);
    return u.protocol === 'http:' || u.protocol === 'https:' ? u.href : '';
  } catch {
    return '';
  }
}

export function link(address, text) {
  const href = webAddress(address);
  return href ? el('a', { href, target: '_blank', rel: 'noopener noreferrer' }, text || address) : el('span', null, text || String(address));
}

// followed is a part of a text that VK's clients follow to a page of theirs. There
// is none here: it says where it leads.
export function followed(className, words, where, what) {
  return el('button', { type: 'button', className: `live ${className}`, title: what, onclick: () => snackbar(t(where, { what })) }, words);
}

// snackbar says something for a while; of many, the last few stay.
export function snackbar(content, { wrong = false, stays = 6000, close = '×' } = {}) {
  const bar = el('div', { className: wrong ? 'snackbar wrong' : 'snackbar' }, el('span', { dir: 'auto' }, content),
    el('button', { 'aria-label': close, onclick: () => bar.remove() }, '×'));
  $('snackbars').append(bar);
  while ($('snackbars').childElementCount > 4) $('snackbars').firstElementChild.remove();
  setTimeout(() => bar.remove(), stays);
}

// menu opens a menu beside a button. It closes at Escape, at a click elsewhere
// and when something is chosen; then the button has the focus again.
let closeMenu = () => {};
export function menu(button, ...items) {
  const wasOpen = button.getAttribute('aria-expanded') === 'true';
  closeMenu();
  if (wasOpen) return;
  const box = el('div', { className: 'menu', role: 'menu' }, items);
  const buttons = [...box.querySelectorAll('button')];
  for (const b of buttons) b.setAttribute('role', 'menuitem');
  const gone = new AbortController();
  closeMenu = (refocus) => {
    closeMenu = () => {};
    gone.abort();
    box.remove();
    button.setAttribute('aria-expanded', 'false');
    if (refocus) button.focus();
  };
  const close = closeMenu;
  box.addEventListener('click', (e) => e.target.closest('button') && close(true));
  box.addEventListener('keydown', (e) => {
    const i = buttons.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key];
    if (e.key === 'Escape' || e.key === 'Tab') close(true);
    else if (step) buttons[(i + step + buttons.length) % buttons.length].focus();
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  document.addEventListener('pointerdown', (e) => box.contains(e.target) || button.contains(e.target) || close(), { signal: gone.signal });
  document.body.append(box);
  button.setAttribute('aria-expanded', 'true');
  const at = (button.offsetWidth > 1 ? button : button.opensAt || button).getBoundingClientRect();
  const size = box.getBoundingClientRect();
  box.style.left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8)) + 'px';
  box.style.top = Math.max(8, at.top - size.height - 4 > 0 ? at.top - size.height - 4 : Math.min(at.bottom + 4, innerHeight - size.height - 8)) + 'px';
  buttons[0]?.focus();
}

// ask opens the dialog with the title of that name.
export function ask(title, ...content) {
  const d = $('dialog');
  d.replaceChildren(el('form', { method: 'dialog' }, el('h2', { id: 'dialog-title' }, said(title)), content));
  d.showModal();
  return d;
}
