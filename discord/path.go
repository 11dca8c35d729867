package discord

import (
	"fmt"
	"hash/maphash"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// A Path is the address of a call below [Client.APIURL]. [To] makes one.
type Path struct {
	template string
	path     string
	query    string // without "?"
	major    uint64 // a hash of the arguments that have rate limits of their own; they may be secrets
	err      error
}

// To returns the path that a template leads to, with each {} replaced by an
// argument, escaped. Arguments are IDs, strings and integers:
//
//	discord.To("/guilds/{}/bans/{}", guild, user)
//
// The rate limits of a call are found by its template, so IDs belong in the
// arguments. A template that does not begin with a slash, a wrong number of
// arguments, a zero ID or an empty string is a [*ConfigError] of the call.
func To(template string, args ...any) Path {
	p := Path{template: template}
	if len(template) == 0 || template[0] != '/' {
		p.err = misuse("Path", fmt.Sprintf("%q does not begin with a slash", template), `write it as Discord's documentation does, such as "/guilds/{}"`)
		return p
	}
	if n := strings.Count(template, "{}"); n != len(args) {
		p.err = misuse("Path", fmt.Sprintf("%s has %d places for %d arguments", template, n, len(args)), "give one argument for each {}")
		return p
	}
	if len(args) == 0 {
		p.path = template
		return p
	}
	majors := majorArgs(template)
	buf := make([]byte, 0, len(template)+20*len(args))
	rest := template
	for i, arg := range args {
		before, after, _ := strings.Cut(rest, "{}")
		buf = append(buf, before...)
		start := len(buf)
		var flaw string
		if buf, flaw = appendArg(buf, arg); flaw != "" {
			p.err = misuse("Path", fmt.Sprintf("argument %d of %s %s", i+1, template, flaw), "give an ID, a text or an integer")
			return p
		}
		if i < majors {
			p.major = p.major*31 + maphash.Bytes(majorSeed, buf[start:])
		}
		rest = after
	}
	p.path = string(append(buf, rest...))
	return p
}

var majorSeed = maphash.MakeSeed()

// majorArgs returns how many of the first arguments have rate limits of their own.
func majorArgs(template string) int {
	switch {
	case strings.HasPrefix(template, "/webhooks/{}/{}"), strings.HasPrefix(template, "/interactions/{}/{}"):
		return 2
	case strings.HasPrefix(template, "/channels/{}"), strings.HasPrefix(template, "/guilds/{}"), strings.HasPrefix(template, "/webhooks/{}"):
		return 1
	}
	return 0
}

// appendArg appends an argument of a path to buf, or describes the mistake in it.
func appendArg(buf []byte, arg any) (_ []byte, flaw string) {
	switch arg := arg.(type) {
	case ID:
		if arg == 0 {
			return buf, "is the zero ID"
		}
		return strconv.AppendUint(buf, uint64(arg), 10), ""
	case Secret:
		return appendText(buf, arg.Reveal())
	case string:
		return appendText(buf, arg)
	case int:
		return strconv.AppendInt(buf, int64(arg), 10), ""
	case int64:
		return strconv.AppendInt(buf, arg, 10), ""
	case uint64:
		return strconv.AppendUint(buf, arg, 10), ""
	}
	return buf, fmt.Sprintf("is a %T", arg)
}

func appendText(buf []byte, s string) (_ []byte, flaw string) {
	switch s {
	case "":
		return buf, "is empty"
	case ".", "..":
		return buf, "is a dot segment, which leads elsewhere"
	}
	return append(buf, url.PathEscape(s)...), ""
}

// With returns the path with a parameter in its query: a string, a bool, an
// integer, an ID, or a slice of IDs, which repeats the parameter.
func (p Path) With(name string, value any) Path {
	if p.err != nil {
		return p
	}
	add := func(s string) {
		if p.query != "" {
			p.query += "&"
		}
		p.query += url.QueryEscape(name) + "=" + url.QueryEscape(s)
	}
	switch v := value.(type) {
	case string:
		add(v)
	case bool:
		add(strconv.FormatBool(v))
	case int:
		add(strconv.Itoa(v))
	case ID:
		add(v.String())
	case []ID:
		for _, id := range v {
			add(id.String())
		}
	default:
		p.err = misuse("Path", fmt.Sprintf("parameter %s of %s is a %T", name, p.template, value), "give a string, a bool, an int, an ID or a []ID")
	}
	return p
}

// Template returns the template that the path was made from.
func (p Path) Template() string { return p.template }

// String returns the template: the path itself may hold the token of a webhook.
func (p Path) String() string { return p.template }

// Format writes the result of String for every verb.
func (p Path) Format(f fmt.State, verb rune) { io.WriteString(f, p.template) }

// URL returns the address of the path below a base address. It may hold the token
// of a webhook or an interaction, and must not be logged then.
func (p Path) URL(base string) string {
	s := strings.TrimSuffix(base, "/") + p.path
	if p.query != "" {
		s += "?" + p.query
	}
	return s
}

// hasToken reports whether a token of a webhook or an interaction is in the path.
// Such calls need no Authorization header, and do not count for the bot's global
// rate limit.
func (p Path) hasToken() bool {
	return strings.HasPrefix(p.template, "/webhooks/{}/{}") || strings.HasPrefix(p.template, "/interactions/{}/{}")
}
