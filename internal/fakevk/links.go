package fakevk

import (
	"net/url"
	"strings"
)

func init() {
	register("utils.checkLink", anyToken, scopeNone, (*call).utilsCheckLink)
	register("utils.getLinkStats", anyToken, scopeNone, (*call).utilsGetLinkStats)
	register("utils.getShortLink", anyToken, scopeNone, (*call).utilsGetShortLink)
}

// RefuseLinks makes utils.checkLink report every link to a host as banned.
func (w *World) RefuseLinks(host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused[strings.ToLower(host)] = true
}

// link returns the address in the parameter url. An address without a scheme
// counts as https.
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

// utilsGetLinkStats returns the statistics of a link made here. Nobody follows
// such links.
func (c *call) utilsGetLinkStats() (any, *apiError) {
	c.require("key")
	c.oneOf("source", "vk_cc", "vk_link")
	c.oneOf("interval", "day", "forever", "hour", "month", "week")
	c.intIn("intervals_count", 1, 0, 100)
	c.bool("extended")
	key, made := c.w.shortLinks.get(c.str("key"))
	if !made || key != c.str("access_key") {
		return nil, fail(codeNotFound)
	}
	return map[string]any{"key": c.str("key"), "stats": []any{}}, nil
}

// utilsGetShortLink returns equal links for equal addresses.
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
	c.w.shortLinks.put(key, out["access_key"])
	return out, nil
}
