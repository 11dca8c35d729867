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
)

// What VK takes.
const (
	maxServerTitle = 14 // characters
	maxSecret      = 50
)

const (
	setupPause = time.Second     // between two looks at what became of a confirmation
	setupLimit = time.Minute     // for a confirmation
	failedLong = 5 * time.Second // so long a server may still have the state of an earlier failure
)

// Setup registers an address with VK, as a callback server of the community, or
// of each of the Groups, and returns when VK sends events there: exactly those
// that the Handler has handlers for, and the Kinds. A server that has
// the address already is changed only where it has to be, so that Setup can be
// called at each start. Others are left alone.
//
// VK asks the address to confirm itself meanwhile: the Callback must be serving
// there, at a public address of https with a certificate that is known to VK,
// before Setup is called.
//
// If there is no Secret, the server's own is taken, and else one is made, of the
// token: it is the same in each process and at each start.
//
// What an earlier run of the bot has left in the Dispatcher's Store is handled
// before VK is asked for anything.
//
// The token needs the right to manage the community. Errors are VK's [*Error]s
// (CodeCallbackLimit if the community has ten servers already, of others), and
// one that says so if VK could not have the address confirmed. An error that the
// bot's owner can mend is a [*ConfigError], as for [Poller.Run]. If something
// fails for one of several communities, the others are set up all the same. Setup
// gives up when ctx ends, and after a minute of waiting for VK to confirm.
//
// See https://dev.vk.com/ru/method/groups.addCallbackServer.
func (cb *Callback) Setup(ctx context.Context, address string) error {
	if err := cb.init(); err != nil {
		return err
	}
	if !cb.feed.isOpen() {
		return stoppedDispatcher("Callback.Setup")
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return &ConfigError{Place: "Callback.Setup", Text: "the address is not one of http or https", Mend: `write the whole address, such as "https://bot.example/vk"`}
	}
	if utf8.RuneCountInString(cb.Title) > maxServerTitle {
		return fmt.Errorf("vk: callback: the Title %q has more than %d characters", cb.Title, maxServerTitle)
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
	var all sync.WaitGroup // one that VK does not answer for holds up no other
	for i, id := range ids {
		all.Go(func() { errs[i] = apart(func() error { return cb.setup(ctx, id, address) }) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// A callbackServer is where VK sends events, as groups.getCallbackServers tells.
type callbackServer struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	URL    string `json:"url"`
	Secret string `json:"secret_key"`
	Status string `json:"status"`
}

// String does not show the address, which may have a secret in it.
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
			err = fmt.Errorf("vk: callback: community %d: %w", group, err)
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

// callbackServers returns the callback servers of a community, or the one with
// the given id.
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

// awaitConfirmation waits until VK has had a server's address confirmed.
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
			why := "its answer did not suit VK"
			cb.mu.Lock()
			unasked := cb.asked[group] == asked
			cb.mu.Unlock()
			if unasked {
				why = "VK's request has not come to this Callback: is the address public, and served already?"
			}
			return fmt.Errorf("the address is not confirmed (VK's status of it is %q): %s", status, why)
		}
		if err := backoff.Sleep(ctx, setupPause); err != nil {
			return err
		}
	}
}

// switchKinds has VK send a server exactly the kinds that are wanted.
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

// madeSecret makes the secret of a community. Whoever has the token can make it,
// and nobody else; the token cannot be found by it.
func madeSecret(client *Client, group int64) string {
	h := hmac.New(sha256.New, []byte(client.Token.reveal()))
	h.Write([]byte("vk callback secret of " + strconv.FormatInt(group, 10)))
	return hex.EncodeToString(h.Sum(nil))[:maxSecret]
}

// A fetched is something that was asked of VK to confirm an address, or why it
// could not be had.
type fetched struct {
	group int64  // the community of a token
	code  string // the confirmation code of a community
	err   error
	at    time.Time
}

// How long a code counts, which VK changes from time to time, and how long that
// something could not be had. Requests for a confirmation may be anybody's: they
// are not to cost the bot its calls.
const (
	fetchedLasts = time.Minute
	failureLasts = 5 * time.Second
)

func (f *fetched) fresh() bool {
	switch age := time.Since(f.at); {
	case f.err != nil:
		return age < failureLasts
	default:
		return f.group != 0 || age < fetchedLasts // a token's community is for good; what was never asked is old
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
			cb.logger().LogAttrs(ctx, slog.LevelError, "vk: callback: no code to confirm the address with", slog.Any("err", err), slog.Int64("group", group))
			return again(soon())
		}
	}
	cb.mu.Lock()
	if asked, wanted := cb.asked[group]; wanted { // anybody may send confirmations of any community
		cb.asked[group] = asked + 1
	}
	cb.mu.Unlock()
	return ack{status: http.StatusOK, text: code}
}

// whose returns the community that is meant by group, one of the Callback's: if
// the fields do not name it, that which the token belongs to.
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

// fetchCode returns a community's confirmation code, also one of a while ago
// unless it is to be fetched anew.
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

// fetch returns what ask has returned of late, or now. The key is what it is
// about.
func (cb *Callback) fetch(ctx context.Context, key any, anew bool, ask func() fetched) (fetched, error) {
	select { // not a mutex: who waits for it goes by ctx
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
		if ctx.Err() == nil { // whoever gave up early says nothing about VK
			cb.fetched[key] = f
		}
	}
	return f, f.err
}

// checkHook returns what is wrong with a Secret or a Confirmation: VK would never
// send the one, nor take the other.
func checkHook(of string, secret Secret, confirmation string) error {
	if flaw := secret.flaw(true); flaw != "" {
		return misuse(of+"Secret", flaw, "copy the secret key anew from "+atCallback)
	}
	if utf8.RuneCountInString(secret.reveal()) > maxSecret {
		return misuse(of+"Secret", "has more than "+strconv.Itoa(maxSecret)+" characters, which VK does not take", "use a shorter one")
	}
	if strings.ContainsFunc(strings.TrimSpace(confirmation), unicode.IsSpace) {
		return misuse(of+"Confirmation", "has white space in it", "copy the text that the server must return from "+atCallback)
	}
	return nil
}
