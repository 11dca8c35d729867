// The bot of the tests, made with oceanic.js. Its only word about the fake is an
// option of the library's.
const { Client } = require('oceanic.js');

const client = new Client({
  auth: 'Bot ' + process.env.DISCORD_TOKEN,
  rest: { baseURL: process.env.API + '/v10' },
  gateway: { intents: ['GUILDS', 'GUILD_MESSAGES', 'MESSAGE_CONTENT'], compress: process.env.COMPRESS || false },
});
client.on('messageCreate', async (m) => {
  if (m.author.bot) return;
  const [command, arg] = m.content.split(' ');
  const send = (options) => client.rest.channels.createMessage(m.channelID, options);
  if (command === '!ping') await send({ content: 'pong ' + arg, messageReference: { messageID: m.id } });
  if (command === '!file') await send({ content: 'a file', files: [{ contents: Buffer.from('the notes'), name: 'notes.txt' }] });
  if (command === '!react') await client.rest.channels.createReaction(m.channelID, m.id, '👍');
  if (command === '!edit') {
    const sent = await send({ content: 'before' });
    await client.rest.channels.editMessage(m.channelID, sent.id, { content: 'after' });
  }
});
client.on('error', console.error);
client.connect();
