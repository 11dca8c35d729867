// Switches for what goes wrong.

import { $, el, snackbar } from './dom.js';
import { get, post, remove } from './server.js';
import { t } from './words.js';

// Each is a fault as POST /sim/faults takes it.
const switches = [
  { en: 'Flood control (9) on sending', ru: 'Контроль флуда (9) при отправке', spec: { on: 'messages.send', effect: 'error', code: 9 } },
  { en: 'People forbid messages (901)', ru: 'Люди запретили писать (901)', spec: { on: 'messages.send', effect: 'error', code: 901 } },
  { en: 'Too many calls (6), on every call', ru: 'Слишком часто (6), на каждый вызов', spec: { on: 'messages.*', effect: 'error', code: 6 } },
  { en: 'Internal error (10), every second time', ru: 'Внутренняя ошибка (10), через раз', spec: { on: 'messages.*', effect: 'error', code: 10, chance: 0.5 } },
  { en: 'Captcha (14) on sending', ru: 'Капча (14) при отправке', spec: { on: 'messages.send', effect: 'captcha' } },
  { en: 'Answers take 3 seconds', ru: 'Ответы идут 3 секунды', spec: { on: 'messages.*', delay: 3 } },
  { en: 'HTTP 502 instead of answers', ru: 'HTTP 502 вместо ответов', spec: { on: 'messages.*', effect: 'status', code: 502 } },
  { en: 'Connections break before the call is done', ru: 'Обрыв до выполнения', spec: { on: 'messages.*', effect: 'reset' } },
  { en: 'Connections break after the call is done', ru: 'Обрыв после выполнения', spec: { on: 'messages.*', effect: 'reset_after' } },
  { en: 'Answers end in the middle', ru: 'Ответы обрываются на середине', spec: { on: 'messages.*', effect: 'truncate' } },
  { en: 'Long poll: the key runs out (failed 2)', ru: 'Long poll: ключ истекает (failed 2)', spec: { on: 'long poll', effect: 'failed', code: 2, chance: 0.3 } },
  { en: 'Events come twice', ru: 'События приходят дважды', spec: { on: 'message_new', effect: 'duplicate' } },
  { en: 'Events come 3 seconds late', ru: 'События опаздывают на 3 секунды', spec: { on: 'message_new', effect: 'late', seconds: 3 } },
];

// same compares what a switch sets with what is set.
const same = (a, f) => ['on', 'effect', 'code', 'delay', 'seconds', 'chance'].every((k) => (a[k] ?? '') === (f[k] ?? ''));

let reading = false, again = false;

// showFaults asks which faults are set, and draws them. Those that are set in
// another way than here can be switched off.
export async function showFaults() {
  again = reading;
  if (reading) return;
  reading = true;
  try {
    const { faults } = await get('/sim/faults');
    const live = faults.filter((f) => !f.spent);
    const rows = switches.map((s) => {
      const mine = live.filter((f) => same(s.spec, f));
      for (const f of mine) live.splice(live.indexOf(f), 1);
      return { name: s[document.documentElement.lang === 'ru' ? 'ru' : 'en'], set: mine, spec: s.spec };
    });
    for (const f of live.slice(0, 50)) rows.push({ name: t('otherFault', { name: `${f.on} ${f.effect || ''} ${f.code || ''}` }), set: [f] });
    const focused = document.activeElement?.dataset?.fault;
    $('faults').replaceChildren(...rows.map((r, i) => {
      const hits = r.set.reduce((n, f) => n + f.hits, 0);
      return el('li', null, el('label', null,
        el('input', { type: 'checkbox', role: 'switch', checked: r.set.length > 0, 'data-fault': i, onchange: (e) => toggle(r, e.target.checked) }),
        el('span', null, r.name, r.set.length > 0 && el('span', { className: 'hits' }, ` · ${t('hits', { n: hits })}`))));
    }));
    if (focused) $('faults').querySelector(`[data-fault="${focused}"]`)?.focus();
  } catch { /* the state of the connection is told of elsewhere */ }
  reading = false;
  if (again) setTimeout(showFaults, 500);
}

async function toggle(r, on) {
  try {
    if (on) await post('/sim/faults', r.spec);
    else for (const f of r.set) await remove(`/sim/faults/${f.id}`);
  } catch (err) {
    snackbar(err.message, { wrong: true });
  }
  await showFaults();
}
