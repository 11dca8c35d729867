'use strict';
// vk-chat-bot knows no address but https://api.vk.com, and takes HTTPS_PROXY. It
// has webhooks alone, and reads events of versions before 5.103.

const fs = require('fs');
const rp = require('request-promise');
const vk = require('vk-chat-bot');
const { anna, confirmation, equal, file, freePort, group, photo, run, step, token, webhook } = require('./people.js');

run(async () => {
  const port = await freePort();
  const { bot, core } = vk.bot({
    vkToken: token, confirmationToken: await confirmation(), groupId: group, secret: 'secret', port, cmdPrefix: '!',
  });
  const call = (method, params) => core.api.scheduleCall(method, params);
  // The library has no uploads: its users write them.
  const upload = async (address, params, field, path) => {
    const { upload_url } = await call(address, params);
    return rp({ method: 'POST', uri: upload_url, formData: { [field]: fs.createReadStream(path) }, json: true });
  };
  const { Keyboard, Color, button } = vk.kbd;
  core.cmd('ping', ($) => $.text('pong'), 'answers');
  core.cmd('help', ($) => $.text(core.help()));
  core.cmd('keyboard', ($) => {
    $.text('choose');
    $.keyboard(new Keyboard([[button.text('Tea', Color.Positive, { buy: 'tea' }), button.text('Coffee')]], true));
  });
  core.payload({ buy: 'tea' }, ($) => $.text('you chose tea'));
  core.on('start', async ($) => { $.text('welcome'); await $.send(); });
  core.on('no_match', async ($) => { $.text('what?'); await $.send(); });
  core.cmd('edit', async ($) => {
    $.noAutoSend();
    const id = await call('messages.send', { peer_id: $.obj.peer_id, message: 'one', random_id: 0 });
    await call('messages.edit', { peer_id: $.obj.peer_id, message_id: id, message: 'two' });
  });
  core.cmd('photo', async ($) => {
    const up = await upload('photos.getMessagesUploadServer', { peer_id: $.obj.peer_id }, 'photo', photo);
    const [p] = await call('photos.saveMessagesPhoto', up);
    $.text('a photo');
    $.attach('photo', p.owner_id, p.id);
  });
  core.cmd('doc', async ($) => {
    const up = await upload('docs.getMessagesUploadServer', { peer_id: $.obj.peer_id }, 'file', file);
    const { doc } = await call('docs.save', { file: up.file });
    $.text('a document');
    $.attach('doc', doc.owner_id, doc.id);
  });

  await step('webhook', async () => {
    bot.start();
    await webhook(port, { secret: 'secret', api_version: '5.95' });
  });
  await step('receive and answer', async () => {
    await anna.says('!ping');
    await anna.hears('pong');
  });
  await step('keyboard', async () => {
    await anna.says('!keyboard');
    await anna.hears('choose');
    await anna.presses('Tea');
    await anna.hears('you chose tea');
  });
  await step('edit', async () => {
    await anna.says('!edit');
    await anna.hears('one');
    await anna.sees({ edited: 'two' });
  });
  await step('upload a photo', async () => {
    await anna.says('!photo');
    equal((await anna.hears('a photo')).attachments.map((a) => a.type), ['photo']);
  });
  await step('upload a document', async () => {
    await anna.says('!doc');
    equal((await anna.hears('a document')).attachments.map((a) => a.type), ['doc']);
  });
  await step('something else', async () => {
    await anna.says('hello');
    await anna.hears('what?');
  });
});
