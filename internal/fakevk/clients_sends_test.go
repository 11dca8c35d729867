package fakevk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"strings"
)

var messageMusts = []must{
	{"messages.send to peer_ids answers with an array", "", func(c *wireClient) {
		chat := c.chat(ChatSpec{})
		var got []struct {
			Peer int64  `json:"peer_id"`
			ID   *int64 `json:"message_id"`
			CMID int64  `json:"conversation_message_id"`
		}
		c.get(&got, "messages.send", "peer_ids", fmt.Sprint(c.anna.ID, ",", chat.PeerID), "group_id", c.id(), "random_id", "0", "message", "x")
		if len(got) != 2 || *got[0].ID == 0 || got[1].Peer != chat.PeerID || got[1].ID == nil || *got[1].ID != 0 || got[1].CMID == 0 {
			c.t.Errorf("got %+v", got)
		}
	}},
	{"messages.send to a peer_id answers with a number", "", func(c *wireClient) {
		var n int64
		c.get(&n, "messages.send", "peer_id", c.her(), "random_id", "0", "message", "x")
		if n == 0 {
			c.t.Error("got 0")
		}
	}},
	{"any random_id, and 0 is never a duplicate", "", func(c *wireClient) {
		send := func(random string) (n int64) {
			c.get(&n, "messages.send", "peer_id", c.her(), "random_id", random, "message", "x")
			return n
		}
		for _, random := range []string{"1", "17000000000000000", "15399092144834129975"} {
			if a, b := send(random), send(random); a != b {
				c.t.Errorf("random_id %s made messages %d and %d", random, a, b)
			}
		}
		if a, b := send("0"), send("0"); a == b {
			c.t.Error("random_id 0 was taken for a duplicate")
		}
	}},
	{"its keyboard is read back with the payload as a string", "", func(c *wireClient) {
		var n int64
		c.get(&n, "messages.send", "peer_id", c.her(), "random_id", "0", "message", "x", "keyboard", c.keyboard)
		var got struct {
			Items []struct {
				Keyboard struct {
					Buttons [][]struct{ Action struct{ Payload *string } }
				}
			}
		}
		m := c.last(-c.group.ID, c.anna.ID)
		c.get(&got, "messages.getByConversationMessageId", "peer_id", c.her(), "conversation_message_ids", fmt.Sprint(m.CMID))
		if p := got.Items[0].Keyboard.Buttons[0][0].Action.Payload; p == nil || !strings.Contains(*p, `"id":42`) || !json.Valid([]byte(*p)) {
			c.t.Errorf("got %+v", got)
		}
	}},
	{"a reply, its number bare or in a list among nulls", "", func(c *wireClient) {
		said := c.says("original")
		for _, ids := range []string{`"conversation_message_ids":%d`, `"owner_id":null,"message_ids":null,"conversation_message_ids":[%d]`} {
			f := fmt.Sprintf(`{"peer_id":%d,"is_reply":true,`+ids+`}`, c.anna.ID, said.CMID)
			c.get(new(int64), "messages.send", "peer_id", c.her(), "random_id", "0", "message", "x", "forward", f)
			var got struct {
				Items []struct {
					Reply struct{ Text string } `json:"reply_message"`
				}
			}
			m := c.last(-c.group.ID, c.anna.ID)
			c.get(&got, "messages.getByConversationMessageId", "peer_id", c.her(), "conversation_message_ids", fmt.Sprint(m.CMID))
			if len(got.Items) != 1 || got.Items[0].Reply.Text != "original" {
				c.t.Errorf("%s: %+v", f, got)
			}
		}
	}},
	{"messages.edit by its name of the message", "", func(c *wireClient) {
		var id int64
		c.get(&id, "messages.send", "peer_id", c.her(), "random_id", "0", "message", "x")
		m := c.last(-c.group.ID, c.anna.ID)
		if c.edits != "message_id" {
			id = m.CMID
		}
		var one int
		c.get(&one, "messages.edit", "peer_id", c.her(), c.edits, fmt.Sprint(id), "message", "y", "attachment", "")
		var got struct {
			Count int
			Items []struct {
				Text    string
				Updated int64 `json:"update_time"`
			}
		}
		c.get(&got, "messages.getByConversationMessageId", "peer_id", c.her(), "conversation_message_ids", fmt.Sprint(m.CMID))
		if one != 1 || got.Count != 1 || got.Items[0].Text != "y" || got.Items[0].Updated == 0 {
			c.t.Errorf("%d %+v", one, got)
		}
	}},
	{"messages.delete by its name of the message", "", func(c *wireClient) {
		c.get(new(int64), "messages.send", "peer_id", c.her(), "random_id", "0", "message", "x")
		m := c.last(-c.group.ID, c.anna.ID)
		rep := c.try("messages.delete", "peer_id", c.her(), c.deletes, fmt.Sprint(m.CMID), "delete_for_all", c.yes)
		want := fmt.Sprintf(`[{"peer_id":%d,"message_id":%d,"conversation_message_id":%d,"response":1}]`, c.anna.ID, m.ID, m.CMID)
		if c.version == "5.131" {
			want = fmt.Sprintf(`{"%d":1}`, m.CMID) // in older versions, a map of the requested ids
		}
		if string(rep.Response) != want || !c.last(c.anna.ID, -c.group.ID).Deleted {
			c.t.Errorf("got %s %+v, want %s", rep.Response, rep.Error, want)
		}
	}},
	{"a press may be answered with nothing", "", func(c *wireClient) {
		c.connect(true)
		m := c.writes("message", "x", "keyboard", c.keyboard)
		b, _ := m.Button("Like")
		pr, err := c.Press(c.anna.ID, -c.group.ID, m.CMID, b)
		if err != nil {
			c.t.Fatal(err)
		}
		var one int
		c.get(&one, "messages.sendMessageEventAnswer", "event_id", pr.EventID, "user_id", c.her(), "peer_id", c.her())
		if p, _ := c.Pressed(pr.EventID); one != 1 || !p.Answered || p.Answer.Type != "" {
			c.t.Errorf("%d %+v", one, p)
		}
	}},
}

var uploadMusts = []must{
	{"a photo is accepted under any name", "", func(c *wireClient) {
		name := map[string]string{"vk_botting": "temp.png", "vkbottle": "picture.jpg"}[c.name]
		if name == "" {
			name = "photo.jpeg"
		}
		var at struct {
			URL string `json:"upload_url"`
		}
		c.get(&at, "photos.getMessagesUploadServer", "peer_id", c.her())
		b := c.uploaded(at.URL, "photo", name, encoded(png.Encode))
		var up struct {
			Server int64
			Photo  string
			Hash   string
		}
		if err := json.Unmarshal(b, &up); err != nil || up.Server == 0 || up.Photo == "" || up.Hash == "" {
			c.t.Fatalf("%v\n%s", err, b)
		}
		var photos []struct {
			ID    int64
			Owner int64  `json:"owner_id"`
			Key   string `json:"access_key"`
			Sizes []struct {
				Type, URL     string
				Width, Height int
			}
			Date    int64
			AlbumID int64 `json:"album_id"`
			HasTags *bool `json:"has_tags"`
		}
		c.get(&photos, "photos.saveMessagesPhoto", "server", fmt.Sprint(up.Server), "photo", up.Photo, "hash", up.Hash)
		if len(photos) != 1 || photos[0].Key == "" || len(photos[0].Sizes) == 0 || photos[0].Sizes[0].URL == "" || photos[0].Date == 0 ||
			photos[0].AlbumID == 0 || photos[0].HasTags == nil {
			c.t.Fatalf("got %+v", photos)
		}
		p := fmt.Sprintf("photo%d_%d", photos[0].Owner, photos[0].ID)
		if c.name == "vk-io" || c.name == "vkbottle" {
			p += "_" + photos[0].Key
		}
		c.get(new(int64), "messages.send", "peer_id", c.her(), "random_id", "0", "attachment", p+","+p)
		if m := c.last(c.anna.ID, -c.group.ID); len(m.Attachments) == 0 || !bytes.Contains(m.Attachments[0], []byte(`"photo":{`)) {
			c.t.Errorf("%s became %s", p, m.Attachments)
		}
	}},
	{"a document, and every key of the upload's answer passed on", "", func(c *wireClient) {
		var at struct {
			URL string `json:"upload_url"`
		}
		c.get(&at, "docs.getMessagesUploadServer", "peer_id", c.her(), "type", "doc")
		var up map[string]string
		b := c.uploaded(at.URL, "file", "notes.txt", []byte("text"))
		if err := json.Unmarshal(b, &up); err != nil || up["file"] == "" || up["error"] != "" {
			c.t.Fatalf("%v\n%s", err, b)
		}
		args := []string{"title", "Notes", "tags", ""}
		for k, v := range up {
			args = append(args, k, v)
		}
		var doc struct {
			Type string
			Doc  struct {
				ID, Size, Date, Type int64
				Owner                int64 `json:"owner_id"`
				Title, Ext, URL      string
				Key                  string `json:"access_key"`
			}
		}
		c.get(&doc, "docs.save", args...)
		if d := doc.Doc; doc.Type != "doc" || d.Size != 4 || d.Title != "Notes" || d.Ext != "txt" || d.Type != 1 || d.URL == "" || d.Key == "" ||
			d.ID == 0 || d.Owner == 0 || d.Date == 0 {
			c.t.Errorf("got %+v", doc)
		}
	}},
}

var executeMusts = []must{
	{"execute_errors stand beside a response with false, in order", "", func(c *wireClient) {
		rep := c.try("execute", "code", `return [API.users.get({"user_ids":1}),API.no.such({}),API.messages.send({"peer_id":1}),API.groups.getById({})];`)
		var got []json.RawMessage
		json.Unmarshal(rep.Response, &got)
		if len(got) != 4 || string(got[1]) != "false" || string(got[2]) != "false" || got[3][0] != '{' && got[3][0] != '[' {
			c.t.Errorf("got %s", rep.Response)
		}
		if e := rep.ExecuteErrors; len(e) != 2 || e[0].Method != "no.such" || e[0].Code != 3 || e[1].Method != "messages.send" || e[1].Msg == "" {
			c.t.Errorf("errors %+v", e)
		}
	}},
	{"execute takes 25 calls and strings of any letters", "vk-io", func(c *wireClient) {
		calls := strings.Repeat(`,API.messages.send({"peer_id":`+c.her()+`,"random_id":0,"message":"Жук \"\u0026\" 😀"})`, 25)
		var ids []int64
		c.get(&ids, "execute", "code", "return ["+calls[1:]+"];")
		if len(ids) != 25 || c.last(c.anna.ID, -c.group.ID).Text != `Жук "&" 😀` {
			c.t.Errorf("%d calls, %q", len(ids), c.last(c.anna.ID, -c.group.ID).Text)
		}
	}},
	{"execute runs the script of its iterator", "vk-io", func(c *wireClient) {
		for i := range 6 {
			c.says(fmt.Sprint(i))
		}
		const code = `var params = {"peer_id": parseInt(Args.peer), "count": 3}; params.offset = parseInt(Args.offset);
			var i = 0, items = [], result = null, total = 1;
			while (i < 5 && items.length < total) { result = API.messages.getHistory(params); total = result.count;
				if (result.items.length == 0) i = 5; items = items + result.items; params.offset = params.offset + 3; i = i + 1; }
			var first = items.splice(0, 2);
			return {"total": total, "items": items, "i": i};`
		var got struct {
			Total, I int
			Items    []struct{ Text string }
		}
		c.get(&got, "execute", "code", code, "peer", c.her())
		if got.Total != 7 || got.I != 3 || len(got.Items) != 5 {
			c.t.Errorf("got %+v", got)
		}
	}},
	{"execute plucks, pushes and reads Args", "vksdk", func(c *wireClient) {
		const code = `var us = API.users.get({"user_ids": Args.uid}); var ids = us@.id; var i = 0; while (i < 2) { ids.push(i); i = i + 1; } return ids;`
		var ids []int64
		c.get(&ids, "execute", "code", code, "uid", c.her())
		if len(ids) != 3 || ids[0] != c.anna.ID || ids[2] != 1 {
			c.t.Errorf("got %v", ids)
		}
	}},
}

// uploaded sends a file to an absolute address and returns the response. Only
// the response for a document must be application/json: VK's response for a
// photo is text/html.
func (c *wireClient) uploaded(address, field, name string, data []byte) []byte {
	c.t.Helper()
	kind, body := form(field, name, data)
	r, err := http.NewRequest("POST", address, bytes.NewReader(body))
	if err != nil || !r.URL.IsAbs() {
		c.t.Fatalf("address %q (%v)", address, err)
	}
	r.Header.Set("Content-Type", kind)
	a := c.fetch(r)
	ct := a.header.Get("Content-Type")
	if a.err != nil || a.status != http.StatusOK || field == "file" && !strings.HasPrefix(ct, "application/json") && strings.Contains(address, "/doc?") {
		c.t.Fatalf("upload: HTTP status %d, Content-Type %q, %v", a.status, ct, a.err)
	}
	return []byte(a.body)
}
