// Package filename determines the name and the content type to send a file
// with, given any original name.
package filename

import (
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName limits a name's bytes, as file systems do.
const maxName = 255

// types are the content types of extensions. If several extensions have one
// type, the usual one is first. The system's own table differs between
// machines.
var types = []struct{ ext, typ string }{
	{".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
	{".png", "image/png"},
	{".gif", "image/gif"},
	{".webp", "image/webp"},
	{".bmp", "image/bmp"},
	{".ico", "image/x-icon"},
	{".tiff", "image/tiff"}, {".tif", "image/tiff"},
	{".heic", "image/heic"},
	{".avif", "image/avif"},
	{".svg", "image/svg+xml"},
	{".psd", "image/vnd.adobe.photoshop"},
	{".ogg", "application/ogg"}, {".ogg", "audio/ogg"}, {".oga", "audio/ogg"}, {".opus", "audio/ogg"},
	{".mp3", "audio/mpeg"},
	{".wav", "audio/wave"}, {".wav", "audio/wav"}, {".wav", "audio/x-wav"},
	{".m4a", "audio/mp4"},
	{".flac", "audio/flac"},
	{".aiff", "audio/aiff"},
	{".mid", "audio/midi"},
	{".mp4", "video/mp4"}, {".m4v", "video/mp4"},
	{".webm", "video/webm"},
	{".avi", "video/avi"},
	{".mov", "video/quicktime"},
	{".mkv", "video/x-matroska"},
	{".3gp", "video/3gpp"},
	{".mpg", "video/mpeg"}, {".mpeg", "video/mpeg"},
	{".flv", "video/x-flv"},
	{".wmv", "video/x-ms-wmv"},
	{".pdf", "application/pdf"},
	{".ps", "application/postscript"},
	{".zip", "application/zip"},
	{".gz", "application/x-gzip"}, {".gz", "application/gzip"}, {".tgz", "application/gzip"},
	{".rar", "application/x-rar-compressed"},
	{".7z", "application/x-7z-compressed"},
	{".tar", "application/x-tar"},
	{".doc", "application/msword"},
	{".xls", "application/vnd.ms-excel"},
	{".ppt", "application/vnd.ms-powerpoint"},
	{".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{".odt", "application/vnd.oasis.opendocument.text"},
	{".ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{".epub", "application/epub+zip"},
	{".fb2", "application/x-fictionbook+xml"},
	{".djvu", "image/vnd.djvu"},
	{".apk", "application/vnd.android.package-archive"},
	{".torrent", "application/x-bittorrent"},
	{".json", "application/json"},
	{".txt", "text/plain"}, {".log", "text/plain"},
	{".csv", "text/csv"},
	{".html", "text/html"}, {".htm", "text/html"},
	{".css", "text/css"},
	{".md", "text/markdown"},
	{".xml", "text/xml"}, {".xml", "application/xml"},
	{".ttf", "font/ttf"},
	{".otf", "font/otf"},
	{".woff", "font/woff"},
	{".woff2", "font/woff2"},
	{".wasm", "application/wasm"},
	{".bin", unknown},
}

const unknown = "application/octet-stream"

// For returns the name and the content type of a file that begins with head,
// which need not be longer than 512 bytes. The name is cleaned as by [Clean]
// and gets an extension if it has none; an empty name is replaced by a
// generated one. The type is contentType or, if that is empty, the type
// detected from the content. The extension determines the type only if the
// content has no specific type, as for plain text and archives.
func For(name, contentType string, head []byte) (string, string) {
	name = Clean(name)
	ext := extension(name)
	// It is formatted again, since ParseMediaType ignores line breaks around it.
	media, params, err := mime.ParseMediaType(contentType)
	if contentType = mime.FormatMediaType(media, params); err != nil || contentType == "" {
		contentType = http.DetectContentType(head)
		if media := essence(contentType); media == unknown || media == "text/plain" || media == "text/xml" || media == "application/zip" || media == "application/ogg" || media == "application/x-gzip" {
			if t := typeOf(ext); t != "" {
				contentType = t
			}
		}
	}
	if name == "" {
		name = "file"
	}
	if ext == "" {
		ext = ".bin"
		media := essence(contentType)
		for _, t := range types {
			if t.typ == media {
				ext = t.ext
				break
			}
		}
		name = cut(name, maxName-len(ext)) + ext
	}
	return name, contentType
}

func essence(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

func typeOf(ext string) string {
	ext = strings.ToLower(ext)
	for _, t := range types {
		if t.ext == ext {
			return t.typ
		}
	}
	return ""
}

// extension returns the extension of name, with its dot, or "". The 5 of
// "report v1.5" is not an extension.
func extension(name string) string {
	ext := path.Ext(name)
	if len(ext) < 2 || len(ext) > 11 || len(ext) == len(name) {
		return ""
	}
	letter := false
	for _, r := range ext[1:] {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			letter = true
		case r < '0' || r > '9':
			return ""
		}
	}
	if !letter {
		return ""
	}
	return ext
}

// Clean returns name without its directories and without characters that could
// mislead programs or people: control characters, characters that change the
// direction of writing, and characters that file systems reject. The result is
// valid UTF-8 of at most 255 bytes and keeps the extension; it may be empty.
// Clean(Clean(name)) is Clean(name).
func Clean(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '_'
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0xfeff:
			return -1
		case unicode.IsControl(r), r == 0x2028, r == 0x2029:
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, name)
	name = trim(name)
	if len(name) > maxName {
		ext := extension(name)
		name = trim(cut(name[:len(name)-len(ext)], maxName-len(ext))) + ext
	}
	return name
}

// trim removes leading and trailing characters that file systems drop or hide.
func trim(name string) string {
	return strings.TrimRightFunc(strings.TrimLeftFunc(name, dotOrSpace), dotOrSpace)
}

func dotOrSpace(r rune) bool { return r == '.' || unicode.IsSpace(r) }

// cut returns at most n bytes of s, without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
