package main

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	group  = 203551742
	secret = "s3cret"
)

// photo returns a photo as VK attaches it, in the given number of sizes.
func photo(in int) string {
	var sizes []string
	for i := range in {
		sizes = append(sizes, fmt.Sprintf(`{"height":87,"type":"%c","width":130,"url":"https://sun9-41.userapi.com/impg/k8Zt1dQmW0s7/m130x87.jpg?size=130x87&quality=95&type=album"}`, 'm'+i))
	}
	return `{"type":"photo","photo":{"album_id":-3,"date":1736240340,"id":457239871,"owner_id":148273615,"access_key":"7f2c1a94d0be63a815","sizes":[` +
		strings.Join(sizes, ",") + `],"text":"","web_view_token":"c5d02f71ab9e4c6f13","has_tags":false}}`
}

// An event is the JSON of a new message. Its ID can be changed in place.
type event struct {
	raw []byte
	id  []byte // the part of raw that is the ID
}

// idDigits is the length of an event's ID.
const idDigits = 40

// newEvent returns a message of a user, with photos: a single one in three
// sizes, or several in nine each.
func newEvent(peer, photos int, text string) *event {
	attached := make([]string, photos)
	for i := range attached {
		attached[i] = photo(min(9, 1+2*photos))
	}
	raw := fmt.Appendf(nil, `{"group_id":%d,"type":"message_new","event_id":"%0*d","v":"5.199","object":{`+
		`"client_info":{"button_actions":["text","vkpay","open_app","location","open_link","open_photo","callback","intent_subscribe","intent_unsubscribe"],`+
		`"keyboard":true,"inline_keyboard":true,"carousel":true,"lang_id":0},`+
		`"message":{"date":1736240400,"from_id":%d,"id":41207,"version":10082114,"out":0,"fwd_messages":[],"important":false,"is_hidden":false,`+
		`"attachments":[%s],"conversation_message_id":318,"text":%q,"peer_id":%[4]d,"random_id":0}},"secret":%[7]q}`,
		group, idDigits, 0, peer, strings.Join(attached, ","), text, secret)
	at := bytes.Index(raw, []byte(`"event_id":"`)) + len(`"event_id":"`)
	return &event{raw, raw[at : at+idDigits]}
}

// number sets the event's ID to n.
func (e *event) number(n int64) { number(e.id, n) }

// number writes n into the end of an ID of zeros.
func number(id []byte, n int64) {
	for i := len(id) - 1; i >= len(id)-18; i-- {
		id[i] = byte('0' + n%10)
		n /= 10
	}
}
