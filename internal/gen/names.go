package main

import (
	"strings"
	"unicode"
)

// initialisms are words that Go writes in capitals.
var initialisms = map[string]string{
	"id": "ID", "ids": "IDs", "uid": "UID", "uids": "UIDs", "guid": "GUID", "cmid": "CMID", "cmids": "CMIDs",
	"url": "URL", "urls": "URLs", "api": "API", "vk": "VK", "ip": "IP", "sms": "SMS", "rss": "RSS", "sku": "SKU",
	"html": "HTML", "http": "HTTP", "https": "HTTPS", "json": "JSON", "mp3": "MP3", "mp4": "MP4", "ttl": "TTL",
	"ts": "TS", "pts": "PTS", "sid": "SID", "ui": "UI", "utc": "UTC", "os": "OS", "ttv": "TTV",
}

// goName returns a name of VK's as an exported name of Go.
func goName(vk string) string {
	var b strings.Builder
	for _, word := range words(vk) {
		if up, ok := initialisms[strings.ToLower(word)]; ok {
			b.WriteString(up)
			continue
		}
		r := []rune(word)
		r[0] = unicode.ToUpper(r[0])
		b.WriteString(string(r))
	}
	return b.String()
}

// words splits a name of VK's at characters other than letters and digits, and before
// capitals.
func words(s string) (list []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			list = append(list, string(word))
		}
		word = nil
	}
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])),
			unicode.IsUpper(r) && i > 0 && i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			end()
		}
		word = append(word, r)
	}
	end()
	return list
}

// isID reports whether a name of VK's is that of an id, or of several.
func isID(name string) bool {
	if i := strings.LastIndexByte(name, '_'); i >= 0 {
		name = name[i+1:]
	}
	switch name {
	case "id", "ids", "uid", "uids", "cmid", "cmids":
		return true
	}
	return false
}
