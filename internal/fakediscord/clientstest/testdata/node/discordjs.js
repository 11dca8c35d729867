// The bot of the tests, made with discord.js. Its only word about the fake is an
// option of the library's.
const { Client, GatewayIntentBits } = require('discord.js');

const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: process.env.API, cdn: process.env.CDN },
});
client.on('messageCreate', async (m) => {
  if (m.author.bot) return;
  const [command, arg] = m.content.split(' ');
  if (command === '!ping') await m.reply('pong ' + arg);
  if (command === '!file') await m.channel.send({ content: 'a file', files: [{ attachment: Buffer.from('the notes'), name: 'notes.txt' }] });
  if (command === '!react') await m.react('👍');
  if (command === '!edit') {
    const sent = await m.channel.send('before');
    await sent.edit('after');
  }
});
client.on('error', console.error);
client.login(process.env.DISCORD_TOKEN);
