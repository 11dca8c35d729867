'use strict';
// node-vk-bot knows no address but https://api.vk.com, and takes HTTPS_PROXY. It
// compares versions as numbers, so that 5.99 is its last, and reads events of those
// versions: the world file says so.

const http = require('http');
const rq = require('request-promise-native');
const fs = require('fs');
const { Bot, Keyboard, KeyboardColor } = require('node-vk-bot');
const { anna, confirmation, equal, file, freePort, group, photo, ready, run, step, token, webhook } = require('./people.js');

function bot() {
  const b = new Bot({ token, group_id: group, api: { v: '5.95' } });
  const random_id = 0;
  b.get(/^!ping$/, (msg, _, reply) => reply('pong', { random_id }));
  b.get(/^!keyboard$/, (msg) => b.send('choose', msg.peer_id, {
    random_id, keyboard: new Keyboard(true).addButton('Red', KeyboardColor.NEGATIVE).addRow().addButton('Green', KeyboardColor.POSITIVE, { colour: 'green' }),
  }));
  b.get(/^!edit$/, async (msg) => {
    const id = await b.send('one', msg.peer_id, { random_id });
    await b.api('messages.edit', { peer_id: msg.peer_id, message_id: id, message: 'two' });
  });
  b.get(/^!photo$/, async (msg) => {
    const p = await b.uploadPhoto(photo);
    await b.send('a photo', msg.peer_id, { random_id, attachment: `photo${p.owner_id}_${p.id}` });
  });
  b.get(/^!doc$/, async (msg) => {
    const { upload_url } = await b.api('docs.getMessagesUploadServer', { peer_id: msg.peer_id });
    const up = await rq({ method: 'POST', uri: upload_url, formData: { file: fs.createReadStream(file) }, json: true });
    const { doc } = await b.api('docs.save', { file: up.file });
    await b.send('a document', msg.peer_id, { random_id, attachment: `doc${doc.owner_id}_${doc.id}` });
  });
  b.on('payload', (msg, reply) => reply(`you chose ${JSON.parse(msg.payload).colour}`, { random_id }));
  return b;
}

run(async () => {
  const b = bot();
  let missed;
  b.on('poll-error', (err) => console.error(err));
  b.on('command-notfound', (msg) => { missed = msg.text; });
  await step('connect by long poll', async () => {
    b.start(10);
    await ready();
  });
  await step('receive and answer', async () => {
    await anna.says('!ping');
    await anna.hears('pong');
  });
  await step('edit', async () => {
    await anna.says('!edit');
    await anna.hears('one');
    await anna.sees({ edited: 'two' });
  });
  await step('keyboard', async () => {
    await anna.says('!keyboard');
    await anna.hears('choose');
    await anna.presses('Green');
    await anna.hears('you chose green');
    equal(missed, 'Green');
  });
  await step('upload a photo', async () => {
    await anna.says('!photo');
    equal((await anna.hears('a photo')).attachments.map((a) => a.type), ['photo']);
  });
  await step('upload a document', async () => {
    await anna.says('!doc');
    equal((await anna.hears('a document')).attachments.map((a) => a.type), ['doc']);
  });
  await step('execute', async () => {
    const res = await b.api('execute', { code: 'return API.users.get({user_ids: 1});' });
    equal(res.response[0].first_name, 'Anna');
  });
  await step('an error', async () => {
    const err = await b.send('x', 5, { random_id: 0 }).catch((e) => e);
    equal(err.error_code, 936);
  });
  b.stop();
  await step('webhook', async () => {
    const hooked = bot();
    const code = await confirmation();
    const port = await freePort();
    http.createServer((req, res) => {
      let text = '';
      req.on('data', (s) => { text += s; }).on('end', () => {
        const body = JSON.parse(text);
        if (body.type === 'confirmation') return res.end(code);
        hooked.processUpdate(body);
        return res.end('ok');
      });
    }).listen(port, '127.0.0.1');
    await webhook(port, { api_version: '5.101' });
    await anna.says('!ping');
    await anna.hears('pong');
  });
});
