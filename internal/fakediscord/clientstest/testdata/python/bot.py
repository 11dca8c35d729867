# The bot of the tests, made with discord.py. It knows nothing of the fake but the
# proxy. Before it starts a second session, the library sleeps for 5 s without
# reading: less than 7 s is too short a timeout.
import base64
import datetime
import io
import os
import traceback

import discord

intents = discord.Intents.none()
intents.guilds = intents.guild_messages = intents.message_content = intents.members = intents.moderation = True


class Bot(discord.Client):
    async def setup_hook(self):
        await tree.sync()


client = Bot(intents=intents, proxy=os.environ["PROXY"], heartbeat_timeout=7)
tree = discord.app_commands.CommandTree(client)


class Form(discord.ui.Modal, title="A form"):
    question = discord.ui.TextInput(label="Question")

    async def on_submit(self, interaction):
        await interaction.response.send_message("asked " + self.question.value, ephemeral=True)


class Panel(discord.ui.View):
    @discord.ui.button(label="Ask")
    async def ask(self, interaction, button):
        await interaction.response.send_modal(Form())


@tree.command(description="Greets")
async def greet(interaction: discord.Interaction, user: discord.Member):
    await interaction.response.defer()
    await interaction.edit_original_response(content="hello " + user.name, view=Panel())
    await interaction.followup.send("and more")


@tree.command(description="Finds")
async def find(interaction: discord.Interaction, word: str):
    await interaction.response.send_message(word)


@find.autocomplete("word")
async def complete(interaction: discord.Interaction, current: str):
    return [discord.app_commands.Choice(name=current + "se", value="rose")]


PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")


async def tour(channel):
    """Makes calls of all kinds, and lets the library read what they return."""
    guild = channel.guild
    boris = discord.utils.get([m async for m in guild.fetch_members(limit=None)], name="boris")
    await guild.query_members("bo")
    role = await guild.create_role(name="tea", permissions=discord.Permissions(send_messages=True), reason="a reason & more")
    await boris.add_roles(role)
    await boris.edit(nick="B")
    await boris.timeout(datetime.timedelta(minutes=1), reason="a reason")
    await boris.timeout(None)
    embed = discord.Embed(title="Title", description="text", timestamp=discord.utils.utcnow())
    embed.add_field(name="a", value="b")
    embed.set_image(url="attachment://a.png")
    m = await channel.send(embed=embed, files=[discord.File(io.BytesIO(PIXEL), "a.png"), discord.File(io.BytesIO(b"x"), "b.txt", description="d")])
    await m.attachments[0].read()
    await m.edit(content="new", attachments=[])
    await m.pin()
    await channel.pins()
    await m.unpin()
    thread = await m.create_thread(name="thread")
    await thread.send("inside")
    await thread.edit(archived=True)
    await thread.delete()
    hook = await channel.create_webhook(name="Hook", avatar=PIXEL)
    said = await hook.send("x", username="Somebody", wait=True)
    await said.edit(content="y")
    await said.delete()
    await hook.delete()
    invite = await channel.create_invite(max_age=60)
    await client.fetch_invite(invite.code)
    await invite.delete()
    hidden = {guild.default_role: discord.PermissionOverwrite(view_channel=False), guild.me: discord.PermissionOverwrite(view_channel=True)}
    made = await guild.create_text_channel("made", overwrites=hidden)
    await made.set_permissions(boris, send_messages=False)
    await made.delete_messages([await made.send("1"), await made.send("2")])
    await made.delete(reason="a reason")
    await (await boris.send("in private")).delete()
    emoji = await guild.create_custom_emoji(name="tea", image=PIXEL)
    await m.add_reaction(emoji)
    await emoji.delete()
    await guild.ban(boris, reason="a reason", delete_message_seconds=60)
    await guild.fetch_ban(boris)
    await guild.unban(boris)
    await guild.edit(name="Renamed")
    await role.delete()
    await guild.integrations()
    await client.application_info()
    await client.user.edit(avatar=PIXEL)
    await client.change_presence(status=discord.Status.dnd, activity=discord.Game("tea"))
    log = [e async for e in guild.audit_logs(limit=100)]
    return len(log) > 15 and any(e.reason == "a reason & more" for e in log)


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
    elif command == "!tour":
        try:
            await m.reply("tour: " + str(await tour(m.channel)).lower())
        except Exception:
            await m.reply("tour: " + traceback.format_exc()[-1900:])
    elif command == "!edit":
        sent = await m.channel.send("before")
        await sent.edit(content="after")


client.run(os.environ["DISCORD_TOKEN"])
