// The bot of the tests, made with oceanic.js. Its only word about the fake is an
// option of the library's.
const { Client } = require('oceanic.js');

const client = new Client({
  auth: 'Bot ' + process.env.DISCORD_TOKEN,
  rest: { baseURL: process.env.API + '/v10' },
  gateway: { intents: ['GUILDS', 'GUILD_MESSAGES', 'MESSAGE_CONTENT'], compress: process.env.COMPRESS || false },
});
// tour makes calls of all kinds, and lets the library read the answers.
async function tour(channel, guild) {
  const { channels, guilds, webhooks } = client.rest;
  const members = await guilds.getMembers(guild, { limit: 1000 });
  const boris = members.find((m) => m.username === 'boris').id;
  const role = await guilds.createRole(guild, { name: 'tea', permissions: '2048', reason: 'a reason & more' });
  await guilds.addMemberRole(guild, boris, role.id);
  await guilds.editMember(guild, boris, { nick: 'B', communicationDisabledUntil: new Date(Date.now() + 60_000).toISOString() });
  await guilds.editMember(guild, boris, { communicationDisabledUntil: null });
  const m = await channels.createMessage(channel, { embeds: [{ title: 'Title', fields: [{ name: 'a', value: 'b' }], timestamp: new Date().toISOString() }], files: [{ contents: Buffer.from('x'), name: 'a.txt' }] });
  await channels.pinMessage(channel, m.id);
  await channels.unpinMessage(channel, m.id);
  const thread = await channels.startThreadFromMessage(channel, m.id, { name: 'thread', autoArchiveDuration: 60 });
  await channels.delete(thread.id);
  const hook = await webhooks.create(channel, { name: 'Hook' });
  const said = await webhooks.execute(hook.id, hook.token, { content: 'x', username: 'Somebody', wait: true });
  await webhooks.deleteMessage(hook.id, hook.token, said.id);
  await webhooks.delete(hook.id);
  const invite = await channels.createInvite(channel, { maxAge: 60 });
  await channels.deleteInvite(invite.code);
  const made = await guilds.createChannel(guild, 0, { name: 'made', permissionOverwrites: [{ id: boris, type: 1, deny: '2048', allow: '0' }] });
  await channels.delete(made.id);
  await guilds.createBan(guild, boris, { reason: 'a reason', deleteMessageSeconds: 60 });
  await guilds.getBan(guild, boris);
  await guilds.removeBan(guild, boris);
  await guilds.deleteRole(guild, role.id);
  await client.editStatus('dnd', [{ name: 'tea', type: 3 }]);
  const log = await guilds.getAuditLog(guild, { limit: 100 });
  return log.entries.length > 10 && log.entries.some((e) => e.reason === 'a reason & more');
}

client.on('messageCreate', async (m) => {
  if (m.author.bot) return;
  const [command, arg] = m.content.split(' ');
  const send = (options) => client.rest.channels.createMessage(m.channelID, options);
  if (command === '!ping') await send({ content: 'pong ' + arg, messageReference: { messageID: m.id } });
  if (command === '!file') await send({ content: 'a file', files: [{ contents: Buffer.from('the notes'), name: 'notes.txt' }] });
  if (command === '!react') await client.rest.channels.createReaction(m.channelID, m.id, '👍');
  if (command === '!tour') {
    const text = await tour(m.channelID, m.guildID).then(String, (e) => e.stack.slice(0, 1900));
    await send({ content: 'tour: ' + text });
  }
  if (command === '!edit') {
    const sent = await send({ content: 'before' });
    await client.rest.channels.editMessage(m.channelID, sent.id, { content: 'after' });
  }
});
client.on('error', console.error);
client.connect();
