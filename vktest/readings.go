package vktest

// Readings settle questions that VK's documentation leaves open, or on which its
// versions and its servers differ. The zero value of each is the reading under which
// a careless bot fails sooner; docs/fake-vk.md has the sources.
type Readings struct {
	// MaxMessageLen is the longest text of a message in characters. Zero means
	// 4096; VK's schema says 9000.
	MaxMessageLen int

	// MissingToken15 answers a call without a token with code 15 instead of 5.
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

	// ReplyToServerError refuses an answer by reply_to to a message of another
	// dialog with code 10 instead of 100.
	ReplyToServerError bool

	// PlainPress makes a text button that is pressed in a chat send its label
	// alone, instead of its label after a mention of the community.
	PlainPress bool

	// EscapeText escapes <, >, & and " in the texts of messages as in HTML.
	EscapeText bool

	// ExecuteSummary ends execute_errors with one more entry, for the method
	// execute itself.
	ExecuteSummary bool

	// ConfirmWithoutSecret leaves the secret out of the confirmation request of
	// a webhook.
	ConfirmWithoutSecret bool

	// UploadJSON makes the hosts for photos say that their answer is JSON,
	// instead of text/html.
	UploadJSON bool

	// StringPressPayload sends the payload of a message_event as a string that
	// holds JSON, instead of the JSON value.
	StringPressPayload bool

	// LongPollScheme lets messages.getLongPollServer give an address that begins
	// with its scheme.
	LongPollScheme bool

	// MaxDocSize is the largest document in bytes. Zero means 200 MB; VK's page
	// of uploads says 4 GB.
	MaxDocSize int64
}
