package filename

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const (
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	jpeg = "\xff\xd8\xff\xe0\x00\x10JFIF\x00"
	gif  = "GIF89a\x01\x00\x01\x00"
	ogg  = "OggS\x00\x02\x00\x00\x00\x00"
	zip  = "PK\x03\x04\x14\x00\x06\x00"
	pdf  = "%PDF-1.7\n"
	page = "<!DOCTYPE html><html>"
	junk = "\x00\x01\x02\x03\xfe\xff\x80"
)

func TestFor(t *testing.T) {
	for _, tt := range []struct {
		rule              string
		name, typ, head   string
		wantName, wantTyp string
	}{
		{"content shows the type", "cat.png", "", png, "cat.png", "image/png"},
		{"content decides over the extension", "cat.png", "", jpeg, "cat.png", "image/jpeg"},
		{"the caller decides over the content", "cat.png", "image/x-mine", png, "cat.png", "image/x-mine"},
		{"a bad type is not taken", "cat.png", "image/png\r\nX: y", png, "cat.png", "image/png"},
		{"an extension is given", "cat", "", jpeg, "cat.jpg", "image/jpeg"},
		{"a name is given", "", "", gif, "file.gif", "image/gif"},
		{"a name of dots is none", "...", "", pdf, "file.pdf", "application/pdf"},
		{"an extension by the caller's type", "talk", "audio/ogg; codecs=opus", ogg, "talk.ogg", "audio/ogg; codecs=opus"},
		{"voice", "", "", ogg, "file.ogg", "application/ogg"},
		{"opus is audio", "voice.opus", "", ogg, "voice.opus", "audio/ogg"},
		{"a zip by its extension", "a.docx", "", zip, "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a zip", "a", "", zip, "a.zip", "application/zip"},
		{"text by its extension", "a.csv", "", "a,b\n1,2\n", "a.csv", "text/csv"},
		{"text", "notes", "", "hello", "notes.txt", "text/plain; charset=utf-8"},
		{"a page stays a page", "cat.txt", "", page, "cat.txt", "text/html; charset=utf-8"},
		{"unknown by its extension", "a.7Z", "", junk, "a.7Z", "application/x-7z-compressed"},
		{"unknown", "a", "", junk, "a.bin", "application/octet-stream"},
		{"unknown extension stays", "a.dwg", "", junk, "a.dwg", "application/octet-stream"},
		{"a version is no extension", "report v1.5", "", pdf, "report v1.5.pdf", "application/pdf"},
		{"a sentence is no extension", "Mr. Smith", "", pdf, "Mr. Smith.pdf", "application/pdf"},
		{"a hidden file's name is no extension", ".png", "", png, "png.png", "image/png"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			name, typ := For(tt.name, tt.typ, []byte(tt.head))
			if name != tt.wantName || typ != tt.wantTyp {
				t.Errorf("For(%q, %q) = %q, %q, want %q, %q", tt.name, tt.typ, name, typ, tt.wantName, tt.wantTyp)
			}
		})
	}
}

func TestClean(t *testing.T) {
	long := strings.Repeat("ж", 200)
	for _, tt := range []struct{ name, want string }{
		{"cat.png", "cat.png"},
		{"Отчёт за май.pdf", "Отчёт за май.pdf"},
		{"🧑‍🚀.gif", "🧑‍🚀.gif"},
		{"/etc/passwd", "passwd"},
		{"../../x.sh", "x.sh"},
		{`C:\Users\Anna\cat.png`, "cat.png"},
		{"dir/", ""},
		{"a\r\nX-Evil: 1.png", "aX-Evil_ 1.png"},
		{"a\x00b\x7f.png", "ab.png"},
		{"cat\u202egnp.exe", "catgnp.exe"},
		{`a"b<c>.png`, "a_b_c_.png"},
		{"\xffa.png", "_a.png"},
		{" .hidden. ", "hidden"},
		{"", ""},
		{long + ".pdf", strings.Repeat("ж", 125) + ".pdf"},
		{long, strings.Repeat("ж", 127)},
	} {
		if got := Clean(tt.name); got != tt.want {
			t.Errorf("Clean(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzFor(f *testing.F) {
	f.Add("cat.png", "", png)
	f.Add("a\r\nb/..\\ .  .x", "text/html; charset", junk)
	f.Add(strings.Repeat("ж. ", 100)+".pdf", "image/png", "")
	f.Fuzz(func(t *testing.T, name, typ, head string) {
		c := Clean(name)
		if again := Clean(c); again != c {
			t.Errorf("Clean(%q) = %q, and of that %q", name, c, again)
		}
		got, contentType := For(name, typ, []byte(head))
		if got == "" || len(got) > maxName || !utf8.ValidString(got) || strings.ContainsAny(got, "/\\\"\r\n") || extension(got) == "" {
			t.Errorf("For(%q) names it %q", name, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) {
				t.Errorf("For(%q) names it %q", name, got)
			}
		}
		if contentType == "" || strings.ContainsAny(contentType, "\r\n") {
			t.Errorf("For(%q, %q) has type %q", name, typ, contentType)
		}
		if again, _ := For(got, typ, []byte(head)); again != got {
			t.Errorf("For(%q) names it %q, and that %q", name, got, again)
		}
	})
}
