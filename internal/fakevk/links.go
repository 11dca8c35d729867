package fakevk

import (
	"net/url"
	"strings"
)

func init() {
	register("utils.checkLink", anyToken, scopeNone, (*call).utilsCheckLink)
	register("utils.getShortLink", anyToken, scopeNone, (*call).utilsGetShortLink)
}

// RefuseLinks makes utils.checkLink call every link to a host banned.
func (w *World) RefuseLinks(host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused[strings.ToLower(host)] = true
}

// link is the address in the parameter url. One without a scheme counts as
// https.
func (c *call) link() *url.URL {
	c.require("url")
	s := c.str("url")
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.Contains(u.Host, ".") {
		c.abort(invalid("url is invalid"))
	}
	return u
}

func (c *call) utilsCheckLink() (any, *apiError) {
	u := c.link()
	status := "not_banned"
	if c.w.refused[strings.ToLower(u.Hostname())] {
		status = "banned"
	}
	return map[string]string{"status": status, "link": u.String()}, nil
}

// utilsGetShortLink gives equal addresses equal links, and keeps nothing.
func (c *call) utilsGetShortLink() (any, *apiError) {
	u := c.link()
	private := c.bool("private")
	if c.w.refused[strings.ToLower(u.Hostname())] {
		return nil, invalid("url is invalid")
	}
	key := c.w.hex(6, "short "+u.String(), int64(boolInt(private)))
	out := map[string]string{"short_url": "https://vk.cc/" + key, "url": u.String(), "key": key}
	if private {
		out["access_key"] = c.w.hex(18, "short key "+u.String())
	}
	return out, nil
}
