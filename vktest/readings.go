package vktest

// Readings settle questions that VK's documentation leaves open, or on which its
// versions and its servers differ. The zero value of each is the reading under which
// a careless bot fails sooner; docs/fake-vk.md has the sources.
type Readings struct {
	// MaxMessageLen is the maximum length of a message's text in characters.
	// Zero means 4096; VK's schema says 9000.
	MaxMessageLen int

	// MissingToken15 makes a call without a token fail with code 15 instead of
	// 5.
	MissingToken15 bool

	// AnyButtonPayload accepts any JSON value as the payload of a button,
	// instead of objects and arrays only.
	AnyButtonPayload bool

	// FullRowButtons refuses location, vkpay and open_app buttons that share
	// their row with others.
	FullRowButtons bool

	// EditKeepsAttachments lets messages.edit without the attachment parameter
	// keep the old attachments, instead of dropping them.
	EditKeepsAttachments bool

	// ReplyToServerError makes a reply by reply_to to a message of another
	// dialog fail with code 10 instead of 100.
	ReplyToServerError bool

	// PlainPress makes a text button pressed in a chat send only its label,
	// instead of its label after a mention of the community.
	PlainPress bool

	// EscapeText escapes <, >, & and " in the texts of messages as in HTML.
	EscapeText bool

	// ExecuteSummary adds an entry for the method execute itself to the end of
	// execute_errors.
	ExecuteSummary bool

	// ConfirmWithoutSecret omits the secret from the confirmation request of a
	// webhook.
	ConfirmWithoutSecret bool

	// UploadJSON makes the hosts for photos declare their response as JSON,
	// instead of text/html.
	UploadJSON bool

	// StringPressPayload sends the payload of a message_event as a string that
	// holds JSON, instead of the JSON value.
	StringPressPayload bool

	// LongPollScheme makes messages.getLongPollServer return an address that
	// begins with its scheme.
	LongPollScheme bool

	// MaxDocSize is the maximum size of a document in bytes. Zero means 200 MB;
	// VK's page about uploads says 4 GB.
	MaxDocSize int64
}
