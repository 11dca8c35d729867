package vk

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// callPause is the pause before a retry of a failed call.
var callPause = backoff.Backoff{Min: 400 * time.Millisecond, Max: 10 * time.Second}

// run makes attempts until one succeeds, or retries are useless.
func (x *call) run() (json.RawMessage, error) {
	c := x.client
	for {
		raw, err := x.observed()
		x.judgeCaptcha(raw, err)
		if err == nil || raw != nil {
			return raw, err
		}
		if x.maybe && x.method == pressMethod && pressOver(err) {
			return json.RawMessage("1"), nil
		}
		doubt := x.begun && mayBeDone(err)
		x.maybe = x.maybe || doubt
		if x.ctx.Err() != nil {
			return nil, err
		}
		var refused *Error
		errors.As(err, &refused)
		switch {
		case refused != nil && refused.Code == CodeCaptcha && c.Captcha != nil:
			if err := x.solve(refused); err != nil {
				return nil, err
			}
			continue
		case refused != nil && throttles(refused.Code) && c.WaitOut > 0 && x.begun:
			continue // the throttle decides how long to wait
		}
		x.tries++
		if x.tries >= c.maxAttempts() || !maySucceed(err) || doubt && x.effect == effectDoubles {
			return nil, err
		}
		pause := callPause.Delay(x.tries)
		slogOr(c.Logger).LogAttrs(x.ctx, slog.LevelInfo, "vk: retrying call",
			slog.String("method", x.method), slog.Int("attempt", x.tries), slog.Duration("after", pause), slog.Any("err", err))
		x.tellRepeat(pause, err)
		if backoff.Sleep(x.ctx, pause) != nil {
			return nil, fmt.Errorf("%w; gave up: %w", err, context.Cause(x.ctx))
		}
	}
}

// An effect is the effect of making a call twice.
type effect uint8

const (
	effectDoubles effect = iota // perhaps a duplicate
	effectSame                  // the same as making it once
	effectNone                  // none: the method only reads
)

// sameTwice are the methods that change something and yet are idempotent,
// because their result is the same: they set, remove or mark a named object. A
// second removal may be refused, but then the first one was done.
var sameTwice = map[string]bool{
	// The parameters give the new state.
	"messages.edit":                        true,
	"messages.pin":                         true,
	"messages.unpin":                       true,
	"messages.editChat":                    true,
	"messages.restore":                     true,
	"messages.markAsRead":                  true, // up to a message
	"messages.markAsImportantConversation": true,
	"messages.markAsAnsweredConversation":  true,
	"messages.markReactionsAsRead":         true,
	"messages.sendReaction":                true, // one per message, the last counts
	"messages.allowMessagesFromGroup":      true,
	"messages.denyMessagesFromGroup":       true,
	"messages.muteChatMentions":            true,
	"groups.edit":                          true,
	"groups.setSettings":                   true,
	"groups.setLongPollSettings":           true,
	"groups.setCallbackSettings":           true,
	"groups.editCallbackServer":            true,
	"groups.editAddress":                   true,
	"groups.editManager":                   true,
	"groups.setUserNote":                   true,
	"groups.tagBind":                       true,
	"groups.tagUpdate":                     true,
	"groups.enableOnline":                  true,
	"groups.disableOnline":                 true,
	"groups.ban":                           true,
	"groups.unban":                         true,
	"likes.add":                            true,
	"likes.delete":                         true,
	"storage.set":                          true,
	"wall.edit":                            true,
	"wall.editComment":                     true,
	"wall.pin":                             true,
	"wall.unpin":                           true,
	"wall.openComments":                    true,
	"wall.closeComments":                   true,
	"wall.restore":                         true,
	"wall.restoreComment":                  true,
	"board.editComment":                    true,
	"board.restoreComment":                 true,
	"photos.edit":                          true,
	"photos.editAlbum":                     true,
	"docs.edit":                            true,
	"video.edit":                           true,
	"market.edit":                          true,
	"market.editOrder":                     true,
	"stories.hideReply":                    true,
	"stories.hideAllReplies":               true,
	"appWidgets.update":                    true,
	"account.setOnline":                    true,
	"account.setOffline":                   true,

	// It shows for a few seconds, or ends something that can end only once.
	"messages.setActivity": true,
	pressMethod:            true, // see pressOver

	// The named object is gone afterwards.
	"messages.delete":             true,
	"messages.deleteConversation": true,
	"messages.deleteReaction":     true,
	"messages.deleteChatPhoto":    true,
	"messages.removeChatUser":     true,

	"messages.changeConversationMemberRestrictions": true,

	"groups.deleteCallbackServer": true,
	"groups.deleteAddress":        true,
	"groups.removeUser":           true,
	"groups.tagDelete":            true,
	"wall.delete":                 true,
	"wall.deleteComment":          true,
	"board.deleteComment":         true,
	"board.deleteTopic":           true,
	"photos.delete":               true,
	"photos.deleteComment":        true,
	"docs.delete":                 true,
	"video.delete":                true,
	"stories.delete":              true,
	"market.delete":               true,
}

// guarded are the methods for which VK drops a second call with the same value
// of a parameter.
var guarded = map[string]string{
	"messages.send":        "random_id",
	"wall.post":            "guid",
	"wall.createComment":   "guid",
	"board.createComment":  "guid",
	"photos.createComment": "guid",
	"video.createComment":  "guid",
	"market.createComment": "guid",
}

// effectOf returns the effect of making a call twice.
func effectOf(method string, params []pair) effect {
	if reads(method) {
		return effectNone
	}
	if sameTwice[method] {
		return effectSame
	}
	if name := guarded[method]; name != "" {
		if v, _ := lookUp(params, name); v != "" && v != "0" { // 0 does not guard
			return effectSame
		}
	}
	return effectDoubles
}

// reads reports whether a method only reads, by its name: the word after the
// dot begins with get, is, are, search, resolve or check.
func reads(method string) bool {
	_, name, ok := strings.Cut(method, ".")
	if !ok || name == "" || method[:len(method)-len(name)] == "execute." {
		return false // a stored procedure can have any name
	}
	for _, verb := range [...]string{"get", "is", "are", "search", "resolve", "check"} {
		if rest, ok := strings.CutPrefix(name, verb); ok && (rest == "" || 'A' <= rest[0] && rest[0] <= 'Z') {
			return true
		}
	}
	return false
}

// unsendable returns the error of a failed request, as a [*ConfigError] if the
// transport refused to send it or did not trust the host: a retry fails in the
// same way.
func unsendable(hc *http.Client, req *http.Request, err error) error {
	var (
		field = "Client.HTTPClient"
		text  string
		mend  string
		proxy *http.Transport
		cert  *tls.CertificateVerificationError
	)
	switch t := hc.Transport.(type) {
	case nil:
		proxy, _ = http.DefaultTransport.(*http.Transport)
	case *http.Transport:
		proxy = t
	}
	host := req.URL.Host
	switch {
	case req.Context().Err() != nil:
		return err
	case errors.As(err, &cert):
		text = "does not trust the certificate of " + host
		mend = "install the system's root certificates (the package ca-certificates), and see that the clock is right and that no proxy is in between"
	case errors.Is(err, http.ErrSchemeMismatch):
		text = "asks " + host + " by https, and it speaks http"
		mend = "give Client.BaseURL and the proxy the scheme that they serve"
	case proxy != nil && refusesProxy(proxy, req):
		text = "has a proxy with a wrong address"
		mend = "correct HTTPS_PROXY and HTTP_PROXY in the environment, or the transport's Proxy"
		err = nil // its text has the address, which may contain a password
	default:
		return err
	}
	return &ConfigError{Field: field, Text: field + " " + text, Mend: mend, Err: withoutURL(err)}
}

// refusesProxy reports whether the transport finds no proxy for a request
// because of a wrong configuration.
func refusesProxy(t *http.Transport, req *http.Request) bool {
	if t.Proxy == nil {
		return false
	}
	_, err := t.Proxy(req)
	return err != nil
}

// notSent reports whether err shows that the request never reached VK.
func notSent(err error) bool {
	var wrong *ConfigError
	if errors.As(err, &wrong) {
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// mayBeDone reports whether a request that ended with err may have been carried
// out.
func mayBeDone(err error) bool {
	var refused *Error
	var foreign *HTTPError
	switch {
	case errors.As(err, &refused):
		switch refused.Code {
		case CodeUnknown, CodeTimeout:
			return true
		case CodeServer:
			// VK checks the token before it does anything, and that can fail
			// too.
			return !strings.Contains(refused.Message, "could not check access_token")
		case CodeRuntime:
			return isExecute(refused.Method) // it may have made some of its calls
		}
		return false
	case errors.As(err, &foreign):
		return foreign.maybeDone()
	}
	return !notSent(err)
}

// maySucceed reports whether a request that ended with err may succeed if it is
// retried immediately or soon.
func maySucceed(err error) bool {
	var refused *Error
	var foreign *HTTPError
	var wrong *ConfigError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrTooLarge), errors.As(err, &wrong):
		return false
	case errors.As(err, &refused):
		switch refused.Code {
		case CodeUnknown, CodeTooManyRequests, CodeServer:
			return true
		}
		return false
	case errors.As(err, &foreign):
		return foreign.maybeDone() || foreign.Status == http.StatusTooManyRequests
	}
	return true
}

// pressMethod is the method that answers a press of a callback button.
const pressMethod = "messages.sendMessageEventAnswer"

// pressOver reports whether VK refused a call of pressMethod because it expects
// no answer, or no longer. VK uses several texts and no code for that. After an
// attempt that VK may have carried out, it means that the press has been
// answered.
func pressOver(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == CodeParam && strings.Contains(refused.Message, "event_id")
}
