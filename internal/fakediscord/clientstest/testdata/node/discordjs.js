// The bot of the tests, made with discord.js. Its only word about the fake is an
// option of the library's.
const { ActionRowBuilder, ButtonBuilder, ButtonStyle, Client, EmbedBuilder, GatewayIntentBits, MessageFlags, ModalBuilder, TextInputBuilder, TextInputStyle } = require('discord.js');

const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent, GatewayIntentBits.GuildMembers, GatewayIntentBits.GuildModeration],
  rest: { api: process.env.API, cdn: process.env.CDN },
});
client.on('messageCreate', async (m) => {
  if (m.author.bot) return;
  const [command, arg] = m.content.split(' ');
  if (command === '!ping') await m.reply('pong ' + arg);
  if (command === '!file') await m.channel.send({ content: 'a file', files: [{ attachment: Buffer.from('the notes'), name: 'notes.txt' }] });
  if (command === '!react') await m.react('👍');
  if (command === '!tour') await tour(m.channel).then((ok) => m.reply('tour: ' + ok), (e) => m.reply('tour: ' + e.stack.slice(0, 1900)));
  if (command === '!edit') {
    const sent = await m.channel.send('before');
    await sent.edit('after');
  }
});

// Commands, a button and a form.
client.once('clientReady', () => client.application.commands.set([
  { name: 'greet', description: 'Greets', options: [{ type: 6, name: 'user', description: 'The user to greet', required: true }] },
  { name: 'find', description: 'Finds', options: [{ type: 3, name: 'word', description: 'The word', autocomplete: true }] },
]).catch(console.error));
client.on('interactionCreate', async (i) => {
  if (i.isAutocomplete()) await i.respond([{ name: i.options.getFocused() + 'se', value: 'rose' }]);
  if (i.isChatInputCommand()) {
    await i.deferReply();
    const ask = new ButtonBuilder().setCustomId('ask').setLabel('Ask').setStyle(ButtonStyle.Primary);
    await i.editReply({ content: 'hello ' + i.options.getUser('user').username, components: [new ActionRowBuilder().addComponents(ask)] });
    await i.followUp('and more');
  }
  if (i.isButton()) {
    const question = new TextInputBuilder().setCustomId('question').setLabel('Question').setStyle(TextInputStyle.Short);
    await i.showModal(new ModalBuilder().setCustomId('asked').setTitle('A form').addComponents(new ActionRowBuilder().addComponents(question)));
  }
  if (i.isModalSubmit()) await i.reply({ content: 'asked ' + i.fields.getTextInputValue('question'), flags: MessageFlags.Ephemeral });
});

// tour makes calls of all kinds, and lets the library read what they return.
async function tour(channel) {
  const guild = channel.guild;
  const boris = (await guild.members.fetch()).find((m) => m.user.username === 'boris');
  const role = await guild.roles.create({ name: 'tea', permissions: ['SendMessages'], reason: 'a reason & more' });
  await boris.roles.add(role);
  await role.setPosition(1);
  await boris.setNickname('B');
  await boris.timeout(60_000, 'a reason');
  await boris.timeout(null);
  const embed = new EmbedBuilder().setTitle('Title').setDescription('text').addFields({ name: 'a', value: 'b' }).setImage('attachment://a.png').setTimestamp();
  const m = await channel.send({ embeds: [embed], files: [{ attachment: Buffer.from('x'), name: 'a.png' }] });
  await m.edit({ embeds: [embed.setTitle('New')] });
  await m.pin();
  await m.unpin();
  const thread = await m.startThread({ name: 'thread', autoArchiveDuration: 60 });
  await thread.send('inside');
  await thread.setArchived(true);
  await thread.delete();
  const hook = await channel.createWebhook({ name: 'Hook' });
  const said = await hook.send({ content: 'x', username: 'Somebody' });
  await hook.editMessage(said, 'y');
  await hook.deleteMessage(said);
  await hook.delete();
  const invite = await channel.createInvite({ maxAge: 60 });
  await client.fetchInvite(invite.code);
  await invite.delete();
  const made = await guild.channels.create({ name: 'made', permissionOverwrites: [{ id: guild.id, deny: ['ViewChannel'] }, { id: client.user.id, allow: ['ViewChannel'] }] });
  await made.permissionOverwrites.edit(boris, { SendMessages: false });
  await made.bulkDelete([await made.send('1'), await made.send('2')]);
  await made.delete('a reason');
  await (await boris.send('in private')).delete();
  await guild.bans.create(boris, { reason: 'a reason', deleteMessageSeconds: 60 });
  await guild.bans.fetch(boris);
  await guild.bans.remove(boris);
  await guild.edit({ name: 'Renamed' });
  await role.delete();
  client.user.setPresence({ activities: [{ name: 'tea', type: 3 }], status: 'dnd' });
  const log = await guild.fetchAuditLogs({ limit: 100 });
  return log.entries.size > 15 && log.entries.some((e) => e.reason === 'a reason & more');
}
client.on('error', console.error);
client.login(process.env.DISCORD_TOKEN);
