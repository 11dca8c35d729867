'use strict';
// easyvk has an option for a proxy. Its uploads know nothing of that, and take the
// agent of all requests.

const easyvk = require('easyvk');
const express = require('express');
const https = require('https');
const { HttpsProxyAgent } = require('https-proxy-agent');
const { anna, equal, file, freePort, group, photo, ready, run, sim, step, token, webhook } = require('./people.js');

https.globalAgent = new HttpsProxyAgent(process.env.PROXY);

const options = { proxy: process.env.PROXY, save: false, reauth: true, utils: { http: false, widgets: false } };

const keyboard = (inline, action, more) => JSON.stringify({ inline, ...(inline ? {} : { one_time: true }), buttons: [[{ action, ...more }]] });

// answer is a bot on events in VK's own shape.
async function answer(vk, { message }) {
  const send = (text, more) => vk.call('messages.send', { peer_id: message.peer_id, message: text, random_id: easyvk.randomId(), ...more });
  switch (message.text) {
    case '!ping': await send('pong'); break;
    case '!post': await vk.post('messages.send', { peer_id: message.peer_id, message: 'posted', random_id: easyvk.randomId() }); break;
    case '!keyboard':
      await send('choose', { keyboard: keyboard(false, { type: 'text', label: 'Tea', payload: '{"buy":"tea"}' }, { color: 'primary' }) });
      break;
    case '!inline':
      await send('press', { keyboard: keyboard(true, { type: 'callback', label: 'Like', payload: '{"like":1}' }) });
      break;
    case '!edit': await vk.call('messages.edit', { peer_id: message.peer_id, message_id: Number(await send('one')), message: 'two' }); break;
    case '!photo': {
      const url = await vk.uploader.getUploadURL('photos.getMessagesUploadServer', { peer_id: message.peer_id });
      const up = await vk.uploader.uploadFile(url, photo, 'photo');
      const [p] = await vk.call('photos.saveMessagesPhoto', up);
      await send('a photo', { attachment: `photo${p.owner_id}_${p.id}` });
      break;
    }
    case '!doc': {
      const { doc } = await vk.uploader.upload({
        getUrlMethod: 'docs.getMessagesUploadServer', getUrlParams: { peer_id: message.peer_id, type: 'doc' }, saveMethod: 'docs.save', file,
      });
      await send('a document', { attachment: `doc${doc.owner_id}_${doc.id}` });
      break;
    }
    default: if (message.payload) await send(`you chose ${JSON.parse(message.payload).buy}`);
  }
}

run(async () => {
  let vk, polling;
  await step('log in', async () => {
    vk = await easyvk({ ...options, token });
    equal(vk.session.group_id, group);
  });
  await step('connect by long poll', async () => {
    polling = await vk.bots.longpoll.connect();
    polling.on('message_new', (object) => answer(vk, object).catch((err) => console.error(err)));
    polling.on('message_event', (e) => vk.call('messages.sendMessageEventAnswer', {
      event_id: e.event_id, user_id: e.user_id, peer_id: e.peer_id, event_data: '{"type":"show_snackbar","text":"liked"}',
    }));
    await ready();
  });
  await step('receive and answer', async () => {
    await anna.says('!ping');
    await anna.hears('pong');
  });
  await step('answer by POST', async () => {
    await anna.says('!post');
    await anna.hears('posted');
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
    await anna.hears('you chose tea');
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
  await step('an error', async () => {
    const err = await vk.call('messages.send', { peer_id: 5, message: 'x', random_id: 0 }).catch((e) => e);
    equal(err.error_code, 936);
  });
  await polling.close();
  await step('webhook', async () => {
    const port = await freePort();
    const hook = await vk.callbackAPI.listen({ port, secret: 'secret', app: express(), confirmCode: (await sim('callbacks')).confirmation, groupId: group });
    hook.on('message_new', ({ object }) => answer(vk, object).catch((err) => console.error(err)));
    await webhook(port, { secret: 'secret' });
    await anna.says('!ping');
    await anna.hears('pong');
  });
  await step('user long poll', async () => {
    const { token: mine } = await sim('tokens', { user_id: 2 });
    const boris = await easyvk({ ...options, token: mine });
    equal(boris.session.user_id, 2);
    const polls = await boris.longpoll.connect();
    const heard = new Promise((resolve) => polls.on('message', resolve));
    await vk.call('messages.send', { peer_id: 2_000_000_001, message: 'hello all', random_id: 1 });
    equal((await heard)[5], 'hello all');
  });
});
