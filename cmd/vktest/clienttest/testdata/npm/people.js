'use strict';
// The parts that all scripts share: the people of the fake VK, and steps that say
// how they went. The program that runs a script sets BASE, TOKEN, GROUP_ID and DIR.

const http = require('http');

const { BASE, DIR } = process.env;
exports.token = process.env.TOKEN;
exports.group = Number(process.env.GROUP_ID);
exports.photo = `${DIR}/photo.png`;
exports.file = `${DIR}/price.txt`;

// sim makes a request of /sim. It uses no client's and no proxy's agent.
function sim(path, body) {
  return new Promise((resolve, reject) => {
    const r = http.request(`${BASE}/sim/${path}`, { method: body ? 'POST' : 'GET', agent: false }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (s) => { text += s; }).on('end', () => {
        const v = res.headers['content-type'].startsWith('application/json') ? JSON.parse(text) : text;
        if (res.statusCode >= 400) reject(new Error(`${path}: ${v.error.message}`));
        else resolve(v);
      });
    });
    r.on('error', reject);
    r.end(body && JSON.stringify(body));
  });
}
exports.sim = sim;

exports.anna = {
  says: (text, more) => sim('send', { user: 'anna', text, ...more }),
  hears: (text) => sim('hear', { user: 'anna', text }),
  sees: (what) => sim('see', { user: 'anna', ...what }),
  presses: async (label) => (await sim('press', { user: 'anna', label, wait: 10 })).answer,
};

// ready waits until the bot polls, or has a webhook that has confirmed itself.
exports.ready = () => sim('ready', {});

// confirmation is the code that the community's settings page shows.
exports.confirmation = async () => (await sim('callbacks')).confirmation;

// webhook adds one at a port of this machine, and fails unless it confirms itself.
exports.webhook = async (port, more) => {
  await sim('callbacks', { url: `http://127.0.0.1:${port}/`, ...more });
  await exports.ready();
};

// freePort finds a port for a webhook.
exports.freePort = () => new Promise((resolve) => {
  const s = http.createServer().listen(0, '127.0.0.1', () => {
    const { port } = s.address();
    s.close(() => resolve(port));
  });
});

// step does something within a minute and tells how it went.
exports.step = async (name, f) => {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('it takes too long')), 60_000); });
  let error;
  try {
    await Promise.race([f(), late]);
  } catch (err) {
    error = err instanceof Error ? err.stack : JSON.stringify(err);
  }
  clearTimeout(timer);
  process.stdout.write(`\n@${JSON.stringify({ step: name, error })}\n`);
};

exports.equal = (got, want) => {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
};

// run runs a script and ends the process, for the bots would go on for ever.
exports.run = (main) => main().then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
