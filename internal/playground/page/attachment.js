// Attachments. A photo that was uploaded is shown; other pictures are placeholders,
// for the page loads nothing from elsewhere.

import { el, link } from './dom.js';
import { known, t } from './words.js';

// photo is a placeholder until the picture of that name has come, if there is one.
export function photo(words, width, height, name) {
  const e = el('div', { className: 'photo', role: 'img', 'aria-label': `${t('photo')} ${words}` }, '🖼', el('br'), words);
  if (width > 0 && height > 0) e.style.aspectRatio = `${Math.min(Math.max(width / height, 0.4), 4)}`;
  if (name) {
    const picture = el('img', { src: `/sim/pictures/${name}`, alt: '' });
    picture.addEventListener('load', () => {
      e.replaceChildren(picture);
      e.classList.add('real');
    });
  }
  return e;
}

const file = (icon, ...words) => el('div', { className: 'file' }, el('span', { 'aria-hidden': true }, icon), el('span', { dir: 'auto' }, words));

export function attachment(a) {
  const o = a[a.type] || {};
  const called = known(a.type) ? t(a.type) : a.type;
  switch (a.type) {
    case 'photo': {
      const big = (o.sizes || []).at(-1) || {};
      const name = `${o.owner_id}_${o.id}`;
      const uploaded = String(big.url).startsWith('https://sun9-1.userapi.com/impg/');
      return photo(big.width ? `${big.width} × ${big.height}` : name, big.width, big.height, uploaded && name);
    }
    case 'sticker':
      return el('div', { className: 'sticker', role: 'img', 'aria-label': `${called} ${o.sticker_id}` }, `${called} ${o.sticker_id}`);
    case 'doc':
      return file('📄', `${o.title || called}`, o.size !== undefined ? ` · ${size(o.size)}` : '');
    case 'audio_message':
      return file('🎤', `${called} · ${t('seconds', { n: o.duration ?? '?' })}`);
    case 'link':
      return file('🔗', link(o.url, o.title || o.url));
    default:
      return file('📎', [called, o.title || o.question || o.text || '', o.owner_id ? `${o.owner_id}_${o.id}` : ''].filter(Boolean).join(' · '));
  }
}

// size is how VK's clients tell the size of a document.
function size(n) {
  if (n < 1024) return t('bytes', { n });
  if (n < 1024 * 1024) return t('kilobytes', { n: Math.round(n / 1024) });
  return t('megabytes', { n: (n / 1024 / 1024).toFixed(1) });
}

export const place = (g) => file('📍', `${t('location')} ${g.lat}, ${g.long}`);

// What a person attaches: objects as VK's clients make them.
let made = 0;
const id = () => 457_000_000 + (Date.now() % 10_000_000) * 10 + made++ % 10;

export const inventions = {
  photo: (me) => ({ type: 'photo', photo: { id: id(), owner_id: me, album_id: -15, access_key: 'key', date: 1736240400, text: '', sizes: [
    { type: 's', width: 75, height: 42, url: 'https://sun9-1.userapi.com/s.jpg' },
    { type: 'x', width: 1280, height: 720, url: 'https://sun9-1.userapi.com/x.jpg' }] } }),
  doc: (me) => ({ type: 'doc', doc: { id: id(), owner_id: me, title: 'report.pdf', size: 23_000, ext: 'pdf', type: 1, date: 1736240400,
    url: 'https://vk.com/doc', access_key: 'key' } }),
  audio_message: (me) => ({ type: 'audio_message', audio_message: { id: id(), owner_id: me, duration: 5, waveform: Array(128).fill(0),
    access_key: 'key', link_mp3: 'https://psv4.userapi.com/v.mp3', link_ogg: 'https://psv4.userapi.com/v.ogg' } }),
};
