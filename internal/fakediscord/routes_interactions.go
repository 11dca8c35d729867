package fakediscord

// The types of callbacks.
const (
	callbackPong         = 1
	callbackMessage      = 4
	callbackDeferred     = 5
	callbackDeferUpdate  = 6
	callbackUpdate       = 7
	callbackAutocomplete = 8
	callbackForm         = 9
)

var (
	errInteraction  = notFound(10062, "interaction")
	errAcknowledged = badRequest(40060, "Interaction has already been acknowledged.")
)

func init() {
	callback := on("POST /interactions/{interaction}/{token}/callback", postCallback)
	callback.open, callback.unlimited = true, true
}

func postCallback(c *call) any {
	in := c.s.interactions[c.pathID("interaction")]
	switch {
	case in == nil, in.token != c.params["token"], in.late, c.s.expired(in):
		refuse(errInteraction)
	case in.answered != 0:
		refuse(errAcknowledged)
	}
	c.respond(in)
	if !c.queryBool("with_response") {
		return nil
	}
	return in.response(c)
}

// response returns the answer to a callback, with the message that it has made.
func (in *interaction) response(c *call) object {
	about := object{"id": in.id, "type": in.kind, "channel_id": in.channel.id}
	if in.channel.guild != nil {
		about["guild_id"] = in.channel.guild.id
	}
	o := object{"interaction": about}
	if in.answered == callbackMessage || in.answered == callbackDeferred || in.answered == callbackUpdate {
		about["response_message_id"] = in.original.id
		about["response_message_loading"] = in.original.loading()
		about["response_message_ephemeral"] = in.original.private()
		o["resource"] = object{"type": in.answered, "message": c.render(in.original)}
	}
	return o
}

// callbacks returns the types of callbacks that may answer the interaction.
func (in *interaction) callbacks() []int {
	switch {
	case in.kind == interactionAutocomplete:
		return []int{callbackAutocomplete}
	case in.kind == interactionForm && in.message != nil:
		return []int{callbackMessage, callbackDeferred, callbackDeferUpdate, callbackUpdate}
	case in.kind == interactionForm:
		return []int{callbackMessage, callbackDeferred}
	case in.kind == interactionComponent:
		return []int{callbackMessage, callbackDeferred, callbackDeferUpdate, callbackUpdate, callbackForm}
	}
	return []int{callbackMessage, callbackDeferred, callbackForm}
}

// respond answers an interaction with the callback in the body.
func (c *call) respond(in *interaction) {
	c.require("type")
	kind, _ := c.choice("type", in.callbacks()...)
	if kind == callbackMessage || kind == callbackUpdate || kind == callbackAutocomplete || kind == callbackForm {
		c.require("data")
	}
	data := *c
	var given bool
	if data.form, given = c.sub("data"); !given {
		data.form = form{body: object{}, at: "data.", errors: c.errors}
	}
	c.done()
	switch kind {
	case callbackMessage:
		data.send(in)
	case callbackDeferred:
		data.putOff(in)
	case callbackDeferUpdate:
		in.original = in.message
	case callbackUpdate:
		if !c.s.exists(in.message) {
			refuse(errMessage)
		}
		data.edit(in.message)
		in.original = in.message
	case callbackAutocomplete:
		data.complete(in)
	case callbackForm:
		data.open(in)
	}
	in.answered = kind
	in.timer.Stop()
	c.s.touch()
}

// newMessage makes the message that answers an interaction, or follows its answer up.
func (in *interaction) newMessage(s *Server) *message {
	m := &message{channel: in.channel, author: s.me, interaction: in, doc: messageDoc(20, "")}
	to := in.message
	if in.original != nil && in.original != in.message {
		to = in.original
	}
	switch {
	case to != nil:
		m.doc["type"] = 19
		m.reference, m.replied = to, true
		ref := object{"type": 0, "message_id": to.id, "channel_id": to.channel.id}
		if g := to.channel.guild; g != nil {
			ref["guild_id"] = g.id
		}
		m.doc["message_reference"] = ref
	case in.command != nil && in.command.kind != commandSlash:
		m.doc["type"] = 23
	}
	return m
}

// compose reads a message that answers an interaction and posts it.
func (c *call) compose(in *interaction) *message {
	m := in.newMessage(c.s)
	read := c.newMessage(in.channel, c.s.me)
	flags := number(read.doc, "flags")
	if given, _ := c.int("flags", 0, 1<<20); given&flagEphemeral != 0 {
		m.only = in.user
		flags |= flagEphemeral
	}
	doc := with(read.doc, object{"type": m.doc["type"], "flags": flags})
	if ref := m.doc["message_reference"]; ref != nil {
		doc["message_reference"] = ref
	}
	m.doc = doc
	c.mentions(m)
	c.done()
	c.checkNotEmpty(m)
	c.attach(m)
	c.s.post(m)
	in.messages = append(in.messages, m)
	return m
}

// send answers with a message.
func (c *call) send(in *interaction) { in.original = c.compose(in) }

// putOff shows that the bot thinks.
func (c *call) putOff(in *interaction) {
	flags, _ := c.int("flags", 0, 1<<20)
	c.done()
	m := in.newMessage(c.s)
	m.doc["flags"] = flagLoading | flags&flagEphemeral
	m.mentions = []*user{}
	if flags&flagEphemeral != 0 {
		m.only = in.user
	}
	c.s.post(m)
	in.original = m
	in.messages = append(in.messages, m)
}

// complete offers choices for an option.
func (c *call) complete(in *interaction) {
	c.require("choices")
	choices := c.optionChoices(in.option)
	c.done()
	c.s.record(in.happening(HappeningChoices, Happening{UserID: c.s.me.id, Only: in.user.id, Choices: encode(choices)}))
}

// followed returns the interaction of the path of a webhook, nil if the webhook is a
// true one. It must have been acknowledged, and its token not have expired.
func (c *call) followed() *interaction {
	if c.pathID("webhook") != c.s.appID {
		return nil
	}
	in := c.s.interactionOf(c.params["token"])
	switch {
	case in == nil, c.s.expired(in):
		refuse(errWebhookToken)
	case in.answered == 0, in.answered == callbackAutocomplete:
		refuse(errWebhook)
	}
	return in
}

// followUp sends another message, or the one that was put off.
func (c *call) followUp(in *interaction) any {
	if m := in.original; m != nil && in.answered == callbackDeferred && m.loading() && c.s.exists(m) {
		return c.edit(m)
	}
	return c.render(c.compose(in))
}

// answerOf returns the message of the path among those of an interaction.
func (c *call) answerOf(in *interaction) *message {
	m := in.original
	if c.params["message"] != "@original" {
		id := c.pathID("message")
		if m == nil || m.id != id {
			m = nil
			for _, x := range in.messages {
				if x.id == id {
					m = x
				}
			}
		}
	}
	if m == nil || !c.s.exists(m) {
		refuse(errMessage)
	}
	return m
}
