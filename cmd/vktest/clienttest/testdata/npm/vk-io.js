'use strict';
// vk-io has an option for the address of the methods. Its agent is for TLS alone.

const { VK, Keyboard } = require('vk-io');
const { anna, confirmation, equal, file, freePort, photo, ready, run, sim, step, token, webhook } = require('./people.js');

const apiBaseUrl = `${process.env.SECURE_BASE}/method`;

function bot(more) {
  const vk = new VK({ token, apiBaseUrl, apiLimit: 20, ...more });
  const { updates } = vk;
  updates.on('message_new', async (context, next) => {
    if (context.isOutbox) return;
    switch (context.text) {
      case '!ping': await context.send('pong'); break;
      case '!reply': await context.reply('an answer'); break;
      case '!edit': {
        const sent = await context.send('one');
        await sent.editMessage({ message: 'two' });
        break;
      }
      case '!delete': {
        const sent = await context.send('gone');
        await sent.deleteMessage({ delete_for_all: 1 });
        break;
      }
      case '!keyboard':
        await context.send('choose', {
          keyboard: Keyboard.keyboard([
            Keyboard.textButton({ label: 'Tea', payload: { buy: 'tea' }, color: 'positive' }),
            Keyboard.urlButton({ label: 'Site', url: 'https://example.com' }),
          ]).oneTime(),
        });
        break;
      case '!inline':
        await context.send('press', {
          keyboard: Keyboard.builder().callbackButton({ label: 'Like', payload: { like: 1 } }).inline(),
        });
        break;
      case '!photo': await context.sendPhotos({ value: photo }, { message: 'a photo' }); break;
      case '!photos': await context.sendPhotos([{ value: photo }, { value: photo }], { message: 'two photos' }); break;
      case '!buffer':
        await context.sendPhotos({ value: require('fs').readFileSync(photo), filename: 'a.png' }, { message: 'from memory' });
        break;
      case '!doc': await context.sendDocuments({ value: file, filename: 'price.txt' }, { message: 'a document' }); break;
      case '!typing':
        await context.setActivity();
        await context.send('typed');
        break;
      default:
        if (context.messagePayload) await context.send(`you chose ${context.messagePayload.buy}`);
        else await next();
    }
  });
  updates.on('message_event', (context) => context.answer({ type: 'show_snackbar', text: `liked ${context.eventPayload.like}` }));
  return vk;
}

run(async () => {
  const vk = bot();
  await step('connect by long poll', async () => {
    await vk.updates.start();
    await ready();
  });
  await step('receive and answer', async () => {
    await anna.says('!ping');
    await anna.hears('pong');
  });
  await step('reply', async () => {
    await anna.says('!reply');
    equal((await anna.hears('an answer')).reply.text, '!reply');
  });
  await step('edit', async () => {
    await anna.says('!edit');
    await anna.hears('one');
    await anna.sees({ edited: 'two' });
  });
  await step('delete', async () => {
    await anna.says('!delete');
    const { cmid } = await anna.hears('gone');
    await anna.sees({ deleted: cmid });
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
    equal(await anna.presses('Like'), { type: 'show_snackbar', text: 'liked 1' });
  });
  await step('typing', async () => {
    await anna.says('!typing');
    await anna.hears('typed');
  });
  for (const [name, command, text, kinds] of [
    ['upload a photo', '!photo', 'a photo', ['photo']],
    ['upload two photos', '!photos', 'two photos', ['photo', 'photo']],
    ['upload a photo from memory', '!buffer', 'from memory', ['photo']],
    ['upload a document', '!doc', 'a document', ['doc']],
  ]) {
    await step(name, async () => {
      await anna.says(command);
      equal((await anna.hears(text)).attachments.map((a) => a.type), kinds);
    });
  }
  await step('users, conversations, history', async () => {
    equal((await vk.api.users.get({ user_ids: [1] }))[0].first_name, 'Anna');
    equal((await vk.api.messages.getConversations({})).count, 1);
    if ((await vk.api.messages.getHistory({ peer_id: 1 })).count < 10) throw new Error('the history is short');
  });
  await step('execute', async () => {
    const { response } = await vk.api.execute({ code: 'return API.users.get({"user_ids": 1})@.first_name;' });
    equal(response, ['Anna']);
  });
  await step('an error', async () => {
    const err = await vk.api.messages.send({ peer_id: 5, message: 'x', random_id: 0 }).catch((e) => e);
    equal(err.code, 936);
  });
  await step('survive a new key', async () => {
    await sim('longpoll', { do: 'expire_key' });
    await ready();
    await anna.says('!ping');
    await anna.hears('pong');
  });
  await vk.updates.stop();

  await step('webhook', async () => {
    const hooked = bot({ webhookSecret: 'secret', webhookConfirmation: await confirmation() });
    const port = await freePort();
    await hooked.updates.start({ webhook: { port, host: '127.0.0.1' } });
    await webhook(port, { secret: 'secret' });
    await anna.says('!ping');
    await anna.hears('pong');
    await hooked.updates.stop();
  });

  await step('user long poll', async () => {
    const { token: mine } = await sim('tokens', { user_id: 2 });
    const boris = new VK({ token: mine, apiBaseUrl });
    const heard = new Promise((resolve) => boris.updates.on('message_new', async (context) => {
      await context.loadMessagePayload();
      resolve(context.text);
    }));
    await boris.updates.startPolling();
    await vk.api.messages.send({ peer_id: 2_000_000_001, message: 'hello all', random_id: 1 });
    equal(await heard, 'hello all');
    await boris.updates.stop();
  });
});
