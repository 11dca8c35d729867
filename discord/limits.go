package discord

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of a message, in characters unless it says otherwise.
const (
	maxContent     = 2000
	maxEmbeds      = 10
	maxEmbedTitle  = 256
	maxEmbedText   = 4096
	maxEmbedFields = 25
	maxFieldName   = 256
	maxFieldValue  = 1024
	maxEmbedFooter = 2048
	maxEmbedAuthor = 256
	maxColor       = 0xFFFFFF // a number
	maxEmbedAll    = 6000     // of all embeds of a message together
	maxStickers    = 3
	maxFiles       = 10
	maxDescription = 1024
	maxReason      = 512
	maxNonce       = 25
)

// tooLong returns the error of a text with more than max characters, or nil.
func tooLong(field, text string, max int) error {
	if len(text) <= max {
		return nil
	}
	if n := utf8.RuneCountInString(text); n > max {
		return &ConfigError{Field: field, Text: fmt.Sprintf("%s has %d characters", field, n), Mend: fmt.Sprintf("Discord takes at most %d", max)}
	}
	return nil
}

// tooMany returns the error of a list with more than max elements, or nil.
func tooMany(field string, n, max int) error {
	if n <= max {
		return nil
	}
	return &ConfigError{Field: field, Text: fmt.Sprintf("%s has %d elements", field, n), Mend: fmt.Sprintf("Discord takes at most %d", max)}
}

// check returns the mistake in a message that Discord would refuse, or nil.
func (o *outgoing) check() error {
	content, _ := o.body.Content.Get()
	embeds, _ := o.body.Embeds.Get()
	components, _ := o.body.Components.Get()
	for _, err := range []error{
		tooLong("content", content, maxContent),
		tooMany("embeds", len(embeds), maxEmbeds),
		tooMany("sticker_ids", len(o.body.StickerIDs), maxStickers),
		tooMany("files", len(o.files), maxFiles),
	} {
		if err != nil {
			return err
		}
	}
	for i, f := range o.files {
		if err := tooLong(fmt.Sprintf("attachments[%d].description", i), f.Description, maxDescription); err != nil {
			return err
		}
	}
	total := 0
	for i := range embeds {
		n, err := embeds[i].check(fmt.Sprintf("embeds[%d]", i))
		if err != nil {
			return err
		}
		total += n
		if err := o.checkFiles(&embeds[i], fmt.Sprintf("embeds[%d]", i)); err != nil {
			return err
		}
	}
	if total > maxEmbedAll {
		return &ConfigError{Field: "embeds", Text: fmt.Sprintf("the texts of all embeds have %d characters", total), Mend: fmt.Sprintf("Discord takes at most %d", maxEmbedAll)}
	}
	if !o.edit && strings.TrimSpace(content) == "" && len(embeds)+len(o.body.StickerIDs)+len(o.files)+len(o.extra)+len(components) == 0 {
		return &ConfigError{Field: "content", Text: "the message is empty", Mend: "give it a text, an embed, a file or a sticker"}
	}
	return nil
}

// checkFiles returns the mistake in the references of an embed to files of the message, or
// nil. Discord accepts it, and shows no picture. An edit may refer to earlier files.
func (o *outgoing) checkFiles(e *Embed, path string) error {
	if o.edit || len(o.extra) > 0 {
		return nil
	}
	for _, ref := range []struct{ field, url string }{
		{".image.url", e.Image.URL}, {".thumbnail.url", e.Thumbnail.URL}, {".author.icon_url", e.Author.IconURL}, {".footer.icon_url", e.Footer.IconURL},
	} {
		name, ok := strings.CutPrefix(ref.url, "attachment://")
		switch {
		case !ok:
		case !slices.ContainsFunc(o.files, func(u *Upload) bool { return u.filename() == name }):
			return misuse(path+ref.field, fmt.Sprintf("refers to the file %q, which is not in the message", name), "add an Upload of this name")
		case strings.ContainsFunc(name, changedInName):
			return misuse(path+ref.field, fmt.Sprintf("refers to the file %q, whose name Discord changes", name), "give the Upload a Name of the letters a to z, digits, -, _ and .")
		}
	}
	return nil
}

// changedInName reports whether Discord replaces or removes r in the name of a file.
func changedInName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r))
}

// check returns the number of characters in an embed's texts, or the mistake in it.
func (e *Embed) check(path string) (total int, err error) {
	count := func(field, text string, max int) {
		text = strings.TrimSpace(text) // Discord does not count the white space around it
		if err == nil {
			err = tooLong(path+field, text, max)
		}
		total += utf8.RuneCountInString(text)
	}
	count(".title", e.Title, maxEmbedTitle)
	count(".description", e.Description, maxEmbedText)
	count(".footer.text", e.Footer.Text, maxEmbedFooter)
	count(".author.name", e.Author.Name, maxEmbedAuthor)
	if err == nil {
		err = tooMany(path+".fields", len(e.Fields), maxEmbedFields)
	}
	for i, f := range e.Fields {
		if err != nil {
			return total, err
		}
		field := fmt.Sprintf("%s.fields[%d]", path, i)
		count(field[len(path):]+".name", f.Name, maxFieldName)
		count(field[len(path):]+".value", f.Value, maxFieldValue)
		if err == nil && (strings.TrimSpace(f.Name) == "" || strings.TrimSpace(f.Value) == "") {
			err = &ConfigError{Field: field, Text: field + " has no name or no value", Mend: `give both; "\u200b" shows as nothing`}
		}
	}
	switch {
	case err != nil:
	case e.Color < 0 || e.Color > maxColor:
		err = misuse(path+".color", fmt.Sprintf("is %#x", e.Color), "write it as 0xRRGGBB")
	case e.isEmpty():
		err = misuse(path, "is empty", "give the embed a Title, a Description, a field or an image")
	}
	return total, err
}

// isEmpty reports whether nothing of the embed is shown.
func (e *Embed) isEmpty() bool {
	return e.Title == "" && e.Description == "" && e.URL == "" && e.Timestamp.IsZero() && e.Color == 0 && len(e.Fields) == 0 &&
		e.Footer == EmbedFooter{} && e.Author == EmbedAuthor{} && e.Image == EmbedMedia{} && e.Thumbnail == EmbedMedia{}
}
