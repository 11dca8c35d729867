'use strict';
// node-vk-bot-api knows no address but https://api.vk.com, and takes HTTPS_PROXY.

const axios = require('axios');
const fs = require('fs');
const FormData = require('form-data');
const http = require('http');
const VkBot = require('node-vk-bot-api');
const Markup = require('node-vk-bot-api/lib/markup');
const { anna, confirmation, equal, file, freePort, group, photo, ready, run, step, token, webhook } = require('./people.js');

// The library has no uploads: its users write them.
async function upload(bot, address, save, field, path) {
  const { upload_url } = await bot.execute(address[0], address[1]);
  const form = new FormData();
  form.append(field, fs.createReadStream(path));
  const { data } = await axios.post(upload_url, form, { headers: form.getHeaders() });
  return bot.execute(save, data);
}

function commands(bot) {
  bot.command('!ping', (ctx) => ctx.reply('pong'));
  bot.command('!keyboard', (ctx) => ctx.reply('choose', null, Markup.keyboard([['Tea', 'Coffee'].map((l) => Markup.button(l, 'primary'))]).oneTime()));
  bot.command('!inline', (ctx) => ctx.reply('press', null, Markup.keyboard([[Markup.button({
    action: { type: 'callback', label: 'Like', payload: JSON.stringify({ like: 1 }) },
  })]]).inline()));
  bot.command('!edit', async (ctx) => {
    const id = await ctx.reply('one');
    await bot.execute('messages.edit', { peer_id: ctx.message.peer_id, message_id: id, message: 'two' });
  });
  bot.command('!photo', async (ctx) => {
    const [p] = await upload(bot, ['photos.getMessagesUploadServer', { peer_id: ctx.message.peer_id }], 'photos.saveMessagesPhoto', 'photo', photo);
    await ctx.reply('a photo', `photo${p.owner_id}_${p.id}`);
  });
  bot.command('!doc', async (ctx) => {
    const { doc } = await upload(bot, ['docs.getMessagesUploadServer', { peer_id: ctx.message.peer_id, type: 'doc' }], 'docs.save', 'file', file);
    await ctx.reply('a document', `doc${doc.owner_id}_${doc.id}`);
  });
  bot.command('Tea', (ctx) => ctx.reply(`you chose ${JSON.parse(ctx.message.payload).button}`));
  bot.event('message_event', (ctx) => bot.execute('messages.sendMessageEventAnswer', {
    event_id: ctx.message.event_id, user_id: ctx.message.user_id, peer_id: ctx.message.peer_id,
    event_data: JSON.stringify({ type: 'show_snackbar', text: 'liked' }),
  }));
  return bot;
}

run(async () => {
  const code = await confirmation();
  const bot = commands(new VkBot({ token, group_id: group, execute_timeout: 50, polling_timeout: 25, confirmation: code, secret: 'secret' }));
  await step('connect by long poll', async () => {
    await new Promise((resolve, reject) => { bot.startPolling((err) => (err ? reject(err) : resolve())); });
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
    await anna.presses('Tea');
    await anna.hears('you chose Tea');
  });
  await step('callback button', async () => {
    await anna.says('!inline');
    await anna.hears('press');
    equal(await anna.presses('Like'), { type: 'show_snackbar', text: 'liked' });
  });
  await step('upload a photo', async () => {
    await anna.says('!photo');
    equal((await anna.hears('a photo')).attachments.map((a) => a.type), ['photo']);
  });
  await step('upload a document', async () => {
    await anna.says('!doc');
    equal((await anna.hears('a document')).attachments.map((a) => a.type), ['doc']);
  });
  await step('many calls at once', async () => {
    const all = await Promise.all(Array.from({ length: 60 }, () => bot.execute('users.get', { user_ids: 1 })));
    equal(all.every(([u]) => u.first_name === 'Anna'), true);
  });
  await step('an error', async () => {
    const err = await bot.execute('messages.send', { peer_id: 5, message: 'x', random_id: 0 }).catch((e) => e);
    equal(err.response.error_code, 936);
  });
  bot.stop();
  await step('webhook', async () => {
    const hooked = commands(new VkBot({ token, group_id: group, execute_timeout: 50, confirmation: code, secret: 'secret' }));
    const port = await freePort();
    http.createServer((req, res) => {
      let text = '';
      req.on('data', (s) => { text += s; }).on('end', () => hooked.webhookCallback({ body: JSON.parse(text) }, res, () => {}));
    }).listen(port, '127.0.0.1');
    await webhook(port, { secret: 'secret' });
    await anna.says('!ping');
    await anna.hears('pong');
  });
});
