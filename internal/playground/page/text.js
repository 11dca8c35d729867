// The text of a message: with formats, and with links, tags and mentions that can
// be followed, as VK's clients find them in plain text.

import { el, followed, link } from './dom.js';

// people are the names by which somebody is mentioned: a screen name, id1, club1.
let people = new Map();

export function knowPeople(world) {
  people = new Map();
  const add = (id, name, ...aliases) => { for (const a of aliases) if (a) people.set(a.toLowerCase(), { id, name }); };
  for (const u of world.users) add(u.id, `${u.first_name} ${u.last_name || ''}`.trim(), u.screen_name, `id${u.id}`);
  for (const g of world.groups) add(-g.id, g.name, g.screen_name, `club${g.id}`, `public${g.id}`);
}

// The domains of addresses without a scheme: those that people mean as addresses.
const domains = 'ru|com|org|net|io|me|cc|su|рф|app|dev|info|gov|edu';

const live = new RegExp([
  '\\[(?<who>(?:id|club|public)\\d+)\\|(?<called>[^\\]]{1,200})\\]',
  '(?<![\\p{L}\\p{N}_@*./-])[@*](?<name>[A-Za-z][\\w.]{1,31})(?: \\((?<said>[^)\\n]{1,100})\\))?',
  `(?<![\\p{L}\\p{N}_@./-])(?<url>https?://[^\\s<>"]+|(?:[\\p{L}\\p{N}-]+\\.){1,5}(?:${domains})(?![\\p{L}\\p{N}_-])(?:[/?#][^\\s<>"]*)?)`,
  '(?<![\\p{L}\\p{N}_&/#])#(?<tag>[\\p{L}\\p{N}_]*[\\p{L}_][\\p{L}\\p{N}_]*(?:@[\\w.]+)?)',
].join('|'), 'gu');

// whole leaves out the end of a sentence, which is not the address's, and a bracket
// that the address does not open.
function whole(url) {
  let s = url;
  for (;;) {
    const last = s.at(-1);
    if ('.,:;!?»\'’”…'.includes(last) || last === ')' && !s.includes('(')) s = s.slice(0, -1);
    else return s;
  }
}

const mention = (words, who) => followed('mention', words, 'opensPage', who);

// withLinks is a text with links, tags and mentions that can be followed.
export function withLinks(text) {
  const out = [];
  let at = 0;
  for (const m of text.matchAll(live)) {
    let piece, length = m[0].length;
    const { who, called, name, said, url, tag } = m.groups;
    if (who) piece = mention(called, who);
    else if (tag) piece = followed('tag', `#${tag}`, 'searches', `#${tag}`);
    else if (url) {
      const address = whole(url);
      length = address.length;
      piece = link(/^https?:/.test(address) ? address : `https://${address}`, address);
    } else {
      const known = people.get(name.toLowerCase());
      if (!known) continue;
      piece = mention(said || m[0], name);
    }
    out.push(text.slice(at, m.index), piece);
    at = m.index + length;
  }
  out.push(text.slice(at));
  return out;
}

const tags = { bold: 'strong', italic: 'em', underline: 'u', strikethrough: 's' };

// formatted is a text with its format_data: pieces between all the ends, each
// within the formats that hold there.
export function formatted(text, data) {
  const items = (data?.items || []).filter((i) => Number.isInteger(i.offset) && Number.isInteger(i.length) && i.length > 0).slice(0, 200);
  if (items.length === 0) return withLinks(text);
  const ends = [...new Set([0, text.length, ...items.flatMap((i) => [i.offset, i.offset + i.length])])]
    .filter((n) => n >= 0 && n <= text.length).sort((a, b) => a - b);
  return ends.slice(1).flatMap((end, n) => {
    const begin = ends[n];
    let piece = withLinks(text.slice(begin, end));
    for (const i of items) {
      if (i.offset > begin || i.offset + i.length < end) continue;
      if (i.type === 'url') piece = [link(i.url, piece.map((p) => p.textContent ?? p).join(''))];
      else if (Object.hasOwn(tags, i.type)) piece = [el(tags[i.type], null, piece)];
    }
    return piece;
  });
}
