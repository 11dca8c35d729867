package vk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

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
	if cb.asked == nil {
		cb.asked = make(map[int64]int)
	}
	cb.asked[group]++
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
			f.err = errors.New("vk: the token belongs to no community: set the Callback's GroupID")
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
