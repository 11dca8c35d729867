// Elements. Whatever bots and people write goes into text nodes and attributes
// that cannot run; nothing here parses HTML.

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
  const at = button.getBoundingClientRect();
  const size = box.getBoundingClientRect();
  box.style.left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8)) + 'px';
  box.style.top = Math.max(8, at.top - size.height - 4 > 0 ? at.top - size.height - 4 : Math.min(at.bottom + 4, innerHeight - size.height - 8)) + 'px';
  buttons[0]?.focus();
}

// ask opens the dialog, and gives it back to be filled; it is emptied when it
// closes.
export function ask(title, ...content) {
  const d = $('dialog');
  d.replaceChildren(el('form', { method: 'dialog' }, el('h2', { id: 'dialog-title' }, title), content));
  d.showModal();
  return d;
}
