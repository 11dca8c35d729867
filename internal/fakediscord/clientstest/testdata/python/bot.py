# The bot of the tests, made with discord.py. It knows nothing of the fake but the
# proxy. Before it starts a second session, the library sleeps for 5 s without
# reading: less than 7 s is too short a timeout.
import io
import os

import discord

intents = discord.Intents.none()
intents.guilds = intents.guild_messages = intents.message_content = True
client = discord.Client(intents=intents, proxy=os.environ["PROXY"], heartbeat_timeout=7)


@client.event
async def on_message(m):
    if m.author.bot:
        return
    command, _, arg = m.content.partition(" ")
    if command == "!ping":
        await m.reply("pong " + arg)
    elif command == "!file":
        await m.channel.send("a file", file=discord.File(io.BytesIO(b"the notes"), "notes.txt"))
    elif command == "!react":
        await m.add_reaction("👍")
    elif command == "!edit":
        sent = await m.channel.send("before")
        await sent.edit(content="after")


client.run(os.environ["DISCORD_TOKEN"])
