package fakevk

import (
	"cmp"
	"errors"
)

// Readings settle questions that VK's documentation leaves open, or on which
// its versions and its servers differ. The zero value of each is the reading
// under which a careless bot fails sooner.
type Readings struct {
	// MaxMessageLen is the maximum length of a message's text in characters.
	// Zero means 4096, as VK's clients show; its schema says 9000.
	MaxMessageLen int `json:"max_message_len"`

	// MissingToken15 makes a call without a token fail with code 15 "Access
	// denied: token required" instead of code 5. Both were observed.
	MissingToken15 bool `json:"missing_token_15"`

	// AnyButtonPayload accepts any JSON value as the payload of a button. By
	// default it must be an object or an array.
	AnyButtonPayload bool `json:"any_button_payload"`

	// FullRowButtons refuses location, vkpay and open_app buttons that share
	// their row with others.
	FullRowButtons bool `json:"full_row_buttons"`

	// EditKeepsAttachments lets messages.edit without the attachment parameter
	// keep the old attachments. By default they are dropped.
	EditKeepsAttachments bool `json:"edit_keeps_attachments"`

	// ReplyToServerError makes a reply to a message of another dialog fail with
	// code 10 instead of 100. VK was observed to do both.
	ReplyToServerError bool `json:"reply_to_server_error"`

	// PlainPress makes a text button pressed in a chat send only its label. By
	// default the text begins with a mention of the community that sent the
	// keyboard, as VK's clients do it.
	PlainPress bool `json:"plain_press"`

	// EscapeText escapes <, >, & and " in the texts of messages as in HTML. It
	// is unclear whether VK does so: some clients unescape the texts, others do
	// not.
	EscapeText bool `json:"escape_text"`

	// ExecuteSummary adds an entry for the method execute itself to the end of
	// execute_errors; it repeats the last error. VK's responses were observed
	// with and without it.
	ExecuteSummary bool `json:"execute_summary"`

	// ConfirmWithoutSecret omits the secret from the confirmation request of a
	// webhook. VK was observed to do both; its own SDKs refuse a request
	// without it.
	ConfirmWithoutSecret bool `json:"confirm_without_secret"`

	// UploadJSON makes every upload host declare its response as JSON. By
	// default the hosts for photos declare text/html, as VK's were observed to
	// do.
	UploadJSON bool `json:"upload_json"`

	// StringPressPayload sends the payload of a message_event as a string that
	// holds JSON, as in the schema. By default it is the JSON value.
	StringPressPayload bool `json:"string_press_payload"`

	// LongPollScheme makes messages.getLongPollServer return an address that
	// begins with its scheme, as VK's page says. By default it has none, as
	// observed.
	LongPollScheme bool `json:"long_poll_scheme"`

	// MaxDocSize is the maximum size in bytes of a document, voice message or
	// video for upload hosts. Zero means 200 MB; VK's page says 4 GB, which few
	// accounts have.
	MaxDocSize int64 `json:"max_doc_size"`
}

func (r Readings) withDefaults() Readings {
	r.MaxMessageLen = cmp.Or(r.MaxMessageLen, defaultMaxMessageLen)
	r.MaxDocSize = cmp.Or(r.MaxDocSize, defaultMaxDocSize)
	return r
}

// Check returns an error if the readings are invalid.
func (r Readings) Check() error {
	switch {
	case r.MaxMessageLen < 0:
		return errors.New("max_message_len is negative")
	case r.MaxDocSize < 0:
		return errors.New("max_doc_size is negative")
	}
	return nil
}

// mustCheck panics if the readings are invalid.
func (r Readings) mustCheck() {
	if err := r.Check(); err != nil {
		panic("fakevk: " + err.Error())
	}
}

// Readings returns the world's current readings.
func (w *World) Readings() Readings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cfg.Readings
}

// SetReadings replaces the world's readings. It panics if they are invalid.
func (w *World) SetReadings(r Readings) {
	r.mustCheck()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cfg.Readings = r.withDefaults()
}
