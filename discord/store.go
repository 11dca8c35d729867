package discord

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/memstore"
)

// A Store keeps small values by key, each until it expires: here the sessions of a
// [Gateway]. A [MemoryStore] ends with the process; package filestore keeps values in
// a file. Every Store of package vk is one.
//
// A value has at least one byte: an empty slice, nil or not, stands for no value.
// Keys are UTF-8 text of 1 to 1,024 bytes without zero bytes. The methods must be
// safe for concurrent use. They must not keep the slices that they are given, and
// their caller may change the slices that they return.
type Store interface {
	// Get returns the value, or nil if there is none or it has expired.
	Get(ctx context.Context, key string) ([]byte, error)

	// Swap sets the value to new and returns true if the value equals old;
	// otherwise it changes nothing and returns false. Swap is atomic. An empty old
	// means that there must be no value, and an empty new deletes the value. The
	// value expires after ttl; if ttl is zero, it does not expire.
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error)
}

// storeErrors begins the error texts of a MemoryStore.
const storeErrors = "discord: store"

// A MemoryStore is a Store that ends with the process. The zero value is ready for
// use. It has no goroutine: each call of Swap removes a few expired values. A value
// has at most 64 MiB.
type MemoryStore struct {
	values memstore.Store
}

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := memstore.Check(ctx, storeErrors, key, nil, 0); err != nil {
		return nil, err
	}
	return s.values.Get(key), nil
}

// Swap implements [Store].
func (s *MemoryStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := memstore.Check(ctx, storeErrors, key, new, ttl); err != nil {
		return false, err
	}
	return s.values.Swap(key, old, new, ttl), nil
}

// Exclusive returns true: no other process can use the values.
func (s *MemoryStore) Exclusive() bool { return true }

const (
	// saveEach is the pause between two writes of a session.
	saveEach = time.Second

	// saveTimeout limits one write of a session.
	saveTimeout = 5 * time.Second

	// sessionTTL is how long a saved session is kept. Discord forgets it sooner.
	sessionTTL = time.Hour
)

// A savedSession is a session in the Store.
type savedSession struct {
	ID   string  `json:"id"`
	URL  string  `json:"url"`
	Seq  int64   `json:"seq"`            // all events up to it are handled
	Done []int64 `json:"done,omitempty"` // later events that are handled too
}

// storeKey returns the key of the shard's session: each token has its own.
func (s *shard) storeKey() string {
	sum := sha256.Sum256([]byte("discord gateway\x00" + s.r.Client.token.Reveal()))
	return "discord/gateway/" + hex.EncodeToString(sum[:12]) + "/" + s.shard.String()
}

// load gets the sessions from the Store, and the bot's user if there is one.
func (r *running) load(ctx context.Context) error {
	if r.Store == nil {
		return nil
	}
	found := false
	for _, s := range r.shards {
		raw, err := r.Store.Get(ctx, s.storeKey())
		if err != nil {
			return fmt.Errorf("discord: Gateway.Store: %w", err)
		}
		s.saved = raw
		var kept savedSession
		if len(raw) == 0 || json.Unmarshal(raw, &kept) != nil || kept.ID == "" {
			continue
		}
		found = true
		s.session = session{id: kept.ID, url: kept.URL, most: 1}
		s.stored = true
		s.seq.Store(kept.Seq)
		s.ledger = newLedger(kept.Seq, kept.Done, s.mark)
	}
	if !found {
		return nil
	}
	me, err := retried(ctx, r, "GET /users/@me", r.Client.Me)
	if err == nil {
		r.me.Store(&me)
	}
	return err
}

// mark notes that there is something to save.
func (s *shard) mark() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// keep saves the session until ctx ends.
func (s *shard) keep(ctx context.Context) {
	for {
		select {
		case <-s.dirty:
		case <-ctx.Done():
			return
		}
		s.save()
		if backoff.Sleep(ctx, saveEach) != nil {
			return
		}
	}
}

// leave saves the session for the next Run.
func (s *shard) leave() {
	if s.r.Store != nil {
		s.save()
	}
}

// save writes the session to the Store.
func (s *shard) save() {
	s.mu.Lock()
	kept := savedSession{ID: s.session.id, URL: s.session.url}
	l := s.ledger
	s.mu.Unlock()
	var raw []byte // no session
	if kept.ID != "" {
		kept.Seq, kept.Done = l.state()
		raw, _ = json.Marshal(kept)
	}
	if bytes.Equal(raw, s.saved) {
		return
	}
	ctx, cancel := context.WithTimeout(s.r.base, saveTimeout)
	defer cancel()
	err := contain(func() error {
		ok, err := s.r.Store.Swap(ctx, s.storeKey(), s.saved, raw, sessionTTL)
		if err == nil && !ok {
			err = errTaken
			s.saved, _ = s.r.Store.Get(ctx, s.storeKey())
		}
		return err
	})
	if err == nil {
		s.saved = raw
		return
	}
	s.log(slog.LevelWarn, "discord: session not saved: the next run may miss events, or get some again", failure(err)...)
}

var errTaken = errors.New("the record was changed by another process: does it run the same shard?")
