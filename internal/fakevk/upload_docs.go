package fakevk

import (
	"fmt"
	"slices"
	"strings"
)

// refusedExts are the extensions of documents that VK refuses. VK checks
// nothing else about them.
var refusedExts = []string{"mp3", "exe", "bat", "cmd", "com", "msi", "scr", "pif"}

// docTypes maps extensions to VK's numbers of document types.
var docTypes = map[string]int{
	"pdf": 1, "doc": 1, "docx": 1, "txt": 1, "rtf": 1, "odt": 1, "xls": 1, "xlsx": 1, "csv": 1, "ppt": 1, "pptx": 1,
	"zip": 2, "rar": 2, "7z": 2, "gz": 2, "tar": 2, "bz2": 2, "xz": 2,
	"gif": 3,
	"png": 4, "jpg": 4, "jpeg": 4, "bmp": 4, "webp": 4, "tif": 4, "tiff": 4, "svg": 4, "psd": 4,
	"ogg": 5, "wav": 5, "flac": 5, "m4a": 5, "aac": 5, "opus": 5, "wma": 5,
	"mp4": 6, "avi": 6, "mov": 6, "mkv": 6, "webm": 6, "3gp": 6, "flv": 6, "wmv": 6, "mpeg": 6,
	"fb2": 7, "epub": 7, "djvu": 7, "mobi": 7,
}

const docTypeOther = 8

func docType(ext string) int {
	if n, ok := docTypes[ext]; ok {
		return n
	}
	return docTypeOther
}

// ext returns the extension of the file's name in lower case, without the dot.
func (f *Upload) ext() string {
	_, ext, _ := cutLast(f.FileName, ".")
	return strings.ToLower(ext)
}

func checkDoc(f *Upload) string {
	ext := f.ext()
	switch {
	case ext == "":
		return "unknown error"
	case slices.Contains(refusedExts, ext):
		return "invalid file extension"
	}
	return ""
}

// checkVoice checks the bytes: a voice message may have any name.
func checkVoice(f *Upload) string {
	if f.Format != "ogg" {
		return "invalid audio file"
	}
	return ""
}

func checkGraffiti(f *Upload) string {
	if f.Format != "png" {
		return "invalid graffiti file"
	}
	return checkPhoto(f)
}

func acceptDoc(w *World, s *staged) any {
	f := &s.files[0]
	s.value = fmt.Sprintf("%d|0|-1|%d|%s|%s|%d|%s|%s|%s||||eyJkaXNrIjo1N30=", s.owner, s.server,
		w.hex(10, "doc", s.n), f.ext(), f.Size, strings.ReplaceAll(f.FileName, "|", "_"), w.hex(16, "doc1", s.n), w.hex(16, "doc2", s.n))
	w.stage(s, s.value)
	return map[string]string{"file": s.value}
}

// noDoc returns the response for a refused document. The value of error in VK's
// response is not a code, and is the same for most reasons.
func noDoc(_ *World, _ *staged, what string) any {
	return map[string]string{"error": what, "error_descr": "Upload failed: " + what}
}
