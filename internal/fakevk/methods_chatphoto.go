package fakevk

func init() {
	register("messages.setChatPhoto", userOrGroup, scopeMessages, (*call).messagesSetChatPhoto)
}

// messagesSetChatPhoto takes the upload host's response, which determines the
// chat.
func (c *call) messagesSetChatPhoto() (any, *apiError) {
	c.require("file")
	s, ok := c.w.uploads.staged.get(c.str("file"))
	switch {
	case !ok || s.kind != kindChatPhoto || s.by != c.token.owner:
		return nil, fail(codeUpload)
	case s.saved || !now().Before(s.expires):
		return nil, fail(codePhotoChanged)
	}
	actor := c.actor()
	ch, err := c.w.changeable(actor, s.peer)
	if err != nil {
		return nil, err
	}
	s.saved = true
	id := c.w.newMediaID()
	photo := map[string]any{"is_default_photo": false, "is_default_call_photo": false}
	for _, name := range []string{"photo_50", "photo_100", "photo_200"} {
		photo[name] = c.w.photoURL(id, name)
	}
	ch.photo = mustJSON(photo)
	m := c.w.post(ch.dialog, &Message{FromID: actor, Action: &Action{Type: "chat_photo_update", Photo: ch.photo}})
	out := c.chatObject(ch)
	for _, name := range []string{"photo_50", "photo_100", "photo_200"} {
		out[name] = photo[name]
	}
	return map[string]any{"message_id": messageID(actor, ch.peer, m), "chat": out}, nil
}
