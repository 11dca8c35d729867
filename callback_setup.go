package vk

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/errtext"
)

// VK's limits.
const (
	maxServerTitle = 14 // characters
	maxSecret      = 50
)

const (
	setupPause = time.Second     // between two checks of a confirmation
	setupLimit = time.Minute     // for a confirmation
	failedLong = 5 * time.Second // for this long, a server may still have the state of an earlier failure
)

// Setup registers an address with VK, as a callback server of the community, or
// of each of the Groups. When it returns, VK sends events there: exactly the
// kinds that the Handler has handlers for, and the Kinds. If a server has the
// address already, Setup changes only the settings that differ, so it can be
// called at each start. It does not change other servers.
//
// VK confirms the address meanwhile. So before the call of Setup, the Callback
// must be serving there, at a public https address with a certificate that VK
// trusts.
//
// If there is no Secret, the server's own is used. If that has none, Setup
// derives one from the token: it is the same in each process and at each start.
//
// Events that an earlier run of the bot has left in the Dispatcher's Store are
// handled before Setup calls VK.
//
// The token needs the right to manage the community. Errors are VK's [*Error]s,
// such as CodeCallbackLimit if the community has ten other servers already, and
// an error if VK could not confirm the address. An error that the bot's owner
// can fix is a [*ConfigError], as for [Poller.Run]. If something fails for one
// of several communities, the others are set up all the same. Setup returns an
// error when ctx is done, or when VK has not confirmed the address within a
// minute.
//
// See https://dev.vk.com/ru/method/groups.addCallbackServer.
func (cb *Callback) Setup(ctx context.Context, address string) error {
	if err := cb.init(); err != nil {
		return err
	}
	if !cb.feed.isOpen() {
		return stoppedDispatcher("Callback.Setup")
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || !validPort(u) {
		return &ConfigError{Place: "Callback.Setup", Text: "the address is not an http or https URL", Mend: `write the whole address, such as "https://bot.example/vk"`}
	}
	if utf8.RuneCountInString(cb.Title) > maxServerTitle {
		return misuse("Callback.Title", fmt.Sprintf("has more than %d characters", maxServerTitle), "use a shorter one").at("Callback.Setup")
	}
	if cb.Groups == nil {
		id, err := cb.whose(ctx, 0, cb.Client)
		if err != nil {
			return err
		}
		return cb.setup(ctx, id, address)
	}
	ids := slices.Sorted(maps.Keys(cb.Groups))
	errs := make([]error, len(ids))
	var all sync.WaitGroup // concurrent, so that a slow answer of VK for one community does not delay the others
	for i, id := range ids {
		all.Go(func() { errs[i] = apart(func() error { return cb.setup(ctx, id, address) }) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// A callbackServer is an address that VK sends events to, as
// groups.getCallbackServers returns it.
type callbackServer struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	URL    string `json:"url"`
	Secret string `json:"secret_key"`
	Status string `json:"status"`
}

// String omits the address, which may contain a secret.
func (s callbackServer) String() string {
	return "callback server " + strconv.FormatInt(s.ID, 10) + " " + strconv.Quote(s.Title)
}

// setup is Setup for one community.
func (cb *Callback) setup(ctx context.Context, group int64, address string) (err error) {
	g, _ := cb.group(group)
	field := "Callback.GroupID"
	if cb.Groups != nil {
		field = "Callback.Groups"
	}
	defer func() {
		if wrong := explainGroup(ctx, g.Client, err, field, group); wrong != nil {
			err = wrong.at("Callback.Setup")
		} else if err != nil {
			err = errtext.Wrap("vk: ", fmt.Sprint("callback: community ", group), err)
		}
	}()
	if cb.d.Queue != nil {
		if _, err := cb.queue(group, g.Client); err != nil {
			return err
		}
	} else if cb.d.Store != nil {
		jr, err := cb.d.resume(ctx, cb.feed, g.Client, group)
		if err != nil {
			return err
		}
		if err := jr.kept.SetRepeats(ctx); err != nil {
			return jr.explain(err)
		}
	}
	servers, err := callbackServers(ctx, g.Client, group, 0)
	if err != nil {
		return err
	}
	var s callbackServer
	if i := slices.IndexFunc(servers, func(s callbackServer) bool { return s.URL == address }); i >= 0 {
		s = servers[i]
	}
	secret := cmp.Or(g.Secret.reveal(), s.Secret, madeSecret(g.Client, group))
	if _, err := cb.fetchCode(ctx, group, g.Client, true); err != nil {
		return err
	}
	cb.mu.Lock()
	if cb.setUp == nil {
		cb.setUp = make(map[int64]Secret)
	}
	cb.setUp[group] = NewSecret(secret)
	asked := cb.asked[group]
	if cb.asked == nil {
		cb.asked = make(map[int64]int)
	}
	cb.asked[group] = asked
	cb.mu.Unlock()

	p := Params{"group_id": group, "url": address, "title": cmp.Or(s.Title, cb.Title, "Bot"), "secret_key": secret}
	switch {
	case s.ID == 0:
		added, err := Call[struct {
			ID int64 `json:"server_id"`
		}](ctx, g.Client, "groups.addCallbackServer", p)
		if err != nil {
			return err
		}
		s.ID = added.ID
	case s.Secret != secret, s.Status != "ok" && s.Status != "wait":
		p["server_id"] = s.ID
		if err := g.Client.Call(ctx, "groups.editCallbackServer", p, nil); err != nil {
			return err
		}
	}
	if err := cb.awaitConfirmation(ctx, g.Client, group, s.ID, asked); err != nil {
		return err
	}
	return cb.switchKinds(ctx, g.Client, group, s.ID)
}

// callbackServers returns the callback servers of a community, or only the one
// with the given id.
//
// See https://dev.vk.com/ru/method/groups.getCallbackServers.
func callbackServers(ctx context.Context, client *Client, group, id int64) ([]callbackServer, error) {
	p := Params{"group_id": group}
	if id != 0 {
		p["server_ids"] = id
	}
	answer, err := Call[struct {
		Items []callbackServer `json:"items"`
	}](ctx, client, "groups.getCallbackServers", p)
	return answer.Items, err
}

// awaitConfirmation blocks until VK has confirmed a server's address.
func (cb *Callback) awaitConfirmation(ctx context.Context, client *Client, group, id int64, asked int) error {
	began := time.Now()
	for {
		servers, err := callbackServers(ctx, client, group, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(servers, func(s callbackServer) bool { return s.ID == id })
		if i < 0 {
			return fmt.Errorf("callback server %d is gone", id)
		}
		waited := time.Since(began)
		switch status := servers[i].Status; {
		case status == "ok":
			return nil
		case status == "failed" && waited >= failedLong, waited >= setupLimit:
			why := "VK did not accept the answer of the Callback"
			cb.mu.Lock()
			unasked := cb.asked[group] == asked
			cb.mu.Unlock()
			if unasked {
				why = "VK's request has not reached this Callback: check that the address is public, and that it is served already"
			}
			return fmt.Errorf("the address is not confirmed (VK reports status %q): %s", status, why)
		}
		if err := backoff.Sleep(ctx, setupPause); err != nil {
			return err
		}
	}
}

// switchKinds makes VK send a server exactly the kinds that the bot needs.
//
// See https://dev.vk.com/ru/method/groups.setCallbackSettings.
func (cb *Callback) switchKinds(ctx context.Context, client *Client, group, id int64) error {
	now, err := Call[struct {
		Events map[string]int `json:"events"`
	}](ctx, client, "groups.getCallbackSettings", Params{"group_id": group, "server_id": id})
	if err != nil {
		return err
	}
	known := switchable()
	for name := range now.Events { // VK may have more
		known = append(known, name)
	}
	wanted, told := kindsWanted(cb.d.Handler, cb.Kinds)
	p := Params{"group_id": group, "server_id": id, "api_version": client.version()}
	for _, name := range append(known, wanted...) {
		p[name] = !told || slices.Contains(wanted, name)
	}
	return client.Call(ctx, "groups.setCallbackSettings", p, nil)
}

// madeSecret derives the secret of a community from the token. It cannot be
// computed without the token, and the token cannot be computed from it.
func madeSecret(client *Client, group int64) string {
	h := hmac.New(sha256.New, []byte(client.Token.reveal()))
	h.Write([]byte("vk callback secret of " + strconv.FormatInt(group, 10)))
	return hex.EncodeToString(h.Sum(nil))[:maxSecret]
}

// A fetched is an answer of VK that is needed to confirm an address, or the
// error of fetching it.
type fetched struct {
	group int64  // the community of a token
	code  string // the confirmation code of a community
	err   error
	at    time.Time
}

// How long fetched values are used. VK changes a confirmation code from time to
// time. A failure is cached too: anyone can send confirmation requests, and
// they must not use up the bot's calls.
const (
	fetchedLasts = time.Minute
	failureLasts = 5 * time.Second
)

func (f *fetched) fresh() bool {
	switch age := time.Since(f.at); {
	case f.err != nil:
		return age < failureLasts
	default:
		return f.group != 0 || age < fetchedLasts // a token's community does not change; a zero fetched is old
	}
}

// confirm answers VK's request to confirm that the address is the community's.
func (cb *Callback) confirm(ctx context.Context, r *http.Request, group int64, g CallbackGroup) ack {
	code := strings.TrimSpace(g.Confirmation)
	if code == "" {
		own, err := cb.whose(ctx, group, g.Client)
		if err == nil && own != group {
			return cb.refuse(r, http.StatusForbidden, "another community's confirmation")
		}
		if err == nil {
			code, err = cb.fetchCode(ctx, group, g.Client, false)
		}
		if err != nil {
			cb.logger().LogAttrs(ctx, slog.LevelError, "vk: callback: cannot get the code that confirms the address", slog.Any("err", err), slog.Int64("group", group))
			return again(soon())
		}
	}
	cb.mu.Lock()
	if asked, wanted := cb.asked[group]; wanted { // anyone can send confirmation requests for any community
		cb.asked[group] = asked + 1
	}
	cb.mu.Unlock()
	return ack{status: http.StatusOK, text: code}
}

// whose returns the ID of the community that a confirmation or Setup is for. If
// the fields do not name it, whose looks it up from the token.
func (cb *Callback) whose(ctx context.Context, group int64, client *Client) (int64, error) {
	if cb.Groups != nil {
		return group, nil
	}
	if cb.GroupID != 0 {
		return cb.GroupID, nil
	}
	f, err := cb.fetch(ctx, client, false, func() (f fetched) {
		f.group, f.err = client.ownGroup(ctx)
		if f.err == nil && f.group == 0 {
			f.err = noCommunity("Callback.GroupID")
		}
		return f
	})
	return f.group, err
}

// fetchCode returns a community's confirmation code. Unless anew is set, the
// code may be a cached one.
func (cb *Callback) fetchCode(ctx context.Context, group int64, client *Client, anew bool) (string, error) {
	f, err := cb.fetch(ctx, group, anew, func() (f fetched) {
		var answer struct {
			Code string `json:"code"`
		}
		f.err = client.Call(ctx, "groups.getCallbackConfirmationCode", Params{"group_id": group}, &answer)
		if f.code = answer.Code; f.code == "" && f.err == nil {
			f.err = errors.New("vk: groups.getCallbackConfirmationCode: no code")
		}
		return f
	})
	return f.code, err
}

// fetch returns the cached result of ask for a key, or calls ask.
func (cb *Callback) fetch(ctx context.Context, key any, anew bool, ask func() fetched) (fetched, error) {
	select { // a channel, not a mutex, so that waiting ends with ctx
	case cb.asking <- struct{}{}:
	case <-ctx.Done():
		return fetched{}, context.Cause(ctx)
	}
	defer func() { <-cb.asking }()
	f := cb.fetched[key]
	if anew || !f.fresh() {
		f = ask()
		f.at = time.Now()
		if cb.fetched == nil {
			cb.fetched = make(map[any]fetched)
		}
		if ctx.Err() == nil { // a canceled call says nothing about VK
			cb.fetched[key] = f
		}
	}
	return f, f.err
}

// checkHook returns an error for a Secret or Confirmation that is invalid: VK
// would never send such a secret, nor accept such a confirmation.
func checkHook(of string, secret Secret, confirmation string) error {
	if flaw := secret.flaw(true); flaw != "" {
		return misuse(of+"Secret", flaw, "copy the secret key again from "+atCallback)
	}
	if utf8.RuneCountInString(secret.reveal()) > maxSecret {
		return misuse(of+"Secret", "has more than "+strconv.Itoa(maxSecret)+" characters, which VK does not accept", "use a shorter one")
	}
	if strings.ContainsFunc(strings.TrimSpace(confirmation), unicode.IsSpace) {
		return misuse(of+"Confirmation", "contains white space", "copy the text that the server must return from "+atCallback)
	}
	return nil
}
