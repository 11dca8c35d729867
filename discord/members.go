package discord

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/tolerant"
)

const (
	// maxMembersByID is how many users one request can name.
	maxMembersByID = 100

	// chunkTimeout is how long Discord may take to send the next members.
	chunkTimeout = 30 * time.Second
)

// MembersOf says which members [Gateway.Members] returns: all of a guild, those with a
// name that begins with Query, or those in Users.
type MembersOf struct {
	Guild ID

	// Query is the beginning of the members' names. At most Limit members are
	// returned then, and Discord's limit is 100.
	Query string
	Limit int

	// Users are the members to return. Users that are not in the guild are left
	// out.
	Users []ID
}

// Members ranges over members of a guild. Discord sends them over the gateway,
// up to 1,000 at a time, which is faster than [Client.Members] and costs no
// calls. To range over all members of a guild, the bot needs the intent
// [IntentGuildMembers]: without it, Discord would close the connection, and
// Members returns a [*ConfigError].
//
// The range ends with an error if the guild belongs to a shard of another
// process, if nothing comes for 30 seconds, and when ctx or Run ends. If
// Discord refuses the request for a time, Members waits. If the connection is
// lost, Members continues after the reconnect and repeats no member.
func (g *Gateway) Members(ctx context.Context, of MembersOf) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		fail := func(err error) { yield(Member{}, fmt.Errorf("discord: Gateway.Members: %w", err)) }
		s, err := g.shardFor(of.Guild)
		if err != nil {
			fail(err)
			return
		}
		list, err := of.requests()
		if err != nil {
			fail(err)
			return
		}
		if len(of.Users) == 0 && of.Query == "" && of.Limit == 0 && !s.r.intents.Has(IntentGuildMembers) {
			yield(Member{}, (&ConfigError{
				Field: "Gateway.Intents", Text: "all members of a guild take the intent GUILD_MEMBERS",
				Mend: "add IntentGuildMembers to Gateway.Intents, or listen to EventMemberAdd, and switch it on at " + atPortal,
			}).at("Gateway.Members"))
			return
		}
		seen := make(map[ID]struct{})
		for _, q := range list {
			more, err := s.members(ctx, q, func(m Member) bool {
				if m.User != nil {
					if _, again := seen[m.User.ID]; again {
						return true
					}
					seen[m.User.ID] = struct{}{}
				}
				m.GuildID = of.Guild
				return yield(m, nil)
			})
			if err != nil {
				fail(err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// A membersQuery is the data of a request for members.
type membersQuery struct {
	Guild ID      `json:"guild_id"`
	Query *string `json:"query,omitempty"`
	Limit *int    `json:"limit,omitempty"`
	Users []ID    `json:"user_ids,omitempty"`
	Nonce string  `json:"nonce"`
}

// requests returns the requests that it takes.
func (of MembersOf) requests() (list []membersQuery, err error) {
	switch {
	case of.Guild == 0:
		return nil, errors.New("MembersOf.Guild is zero: Discord sends the members of one guild")
	case len(of.Users) > 0 && (of.Query != "" || of.Limit != 0):
		return nil, errors.New("MembersOf has Users and a Query or Limit: Discord takes one of the two")
	case of.Limit < 0, of.Limit > 100, of.Query != "" && of.Limit == 0:
		return nil, errors.New("MembersOf.Limit must be from 1 to 100 with a Query, and from 0 to 100 without")
	case len(of.Users) == 0:
		return []membersQuery{{Guild: of.Guild, Query: &of.Query, Limit: &of.Limit}}, nil
	}
	for users := range slices.Chunk(of.Users, maxMembersByID) {
		list = append(list, membersQuery{Guild: of.Guild, Users: users})
	}
	return list, nil
}

// shardFor returns the shard that has a guild.
func (g *Gateway) shardFor(guild ID) (*shard, error) {
	r := g.running.Load()
	if r == nil {
		return nil, errors.New("the Gateway does not run: call Run first")
	}
	n := shardOf(guild, r.shards[0].shard.Total)
	for _, s := range r.shards {
		if s.shard.ID == n {
			return s, nil
		}
	}
	return nil, fmt.Errorf("guild %s is on shard %d of %d, which another process runs", guild, n, r.shards[0].shard.Total)
}

// members makes one request and gives the members to yield, until it returns false.
func (s *shard) members(ctx context.Context, q membersQuery, yield func(Member) bool) (more bool, err error) {
	for {
		q.Nonce = rand.Text()
		req := s.r.requests.add(q.Nonce, s)
		again, more, err := s.request(ctx, q, req, yield)
		s.r.requests.remove(q.Nonce)
		if err != nil || !again {
			return more, err
		}
	}
}

// request makes one attempt at a request. It reports whether another is needed, and
// whether yield wants more.
func (s *shard) request(ctx context.Context, q membersQuery, req *request, yield func(Member) bool) (again, more bool, err error) {
	if err := s.send(ctx, OpRequestMembers, q); err != nil {
		return false, false, err
	}
	for got := 0; ; {
		chunks, limited, lost := req.take()
		for _, e := range chunks {
			c, err := EventMembersChunk.Decode(e)
			if err != nil {
				return false, false, err
			}
			for _, m := range c.Members {
				if !yield(m) {
					return false, false, nil
				}
			}
			if got++; got >= c.Count {
				return false, true, nil
			}
		}
		if limited > 0 {
			return true, true, backoff.Sleep(ctx, limited)
		}
		if lost {
			return true, true, nil
		}
		if err := s.awaitChunk(ctx, req); err != nil {
			return false, false, err
		}
	}
}

// awaitChunk blocks until something has come for a request. The time in which the
// shard has no connection does not count.
func (s *shard) awaitChunk(ctx context.Context, req *request) error {
	for {
		timer := time.NewTimer(chunkTimeout)
		select {
		case <-req.news:
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-s.r.ended:
			timer.Stop()
			return ErrStopped
		case <-timer.C:
			s.mu.Lock()
			connected := s.conn != nil
			s.mu.Unlock()
			if connected {
				return fmt.Errorf("no members came for %v", chunkTimeout)
			}
		}
	}
}

// requests are the requests for members under way, by nonce. The goroutines that read
// add to them and never block.
type requests struct {
	mu  sync.Mutex
	all map[string]*request
}

// A request is a request for members.
type request struct {
	s    *shard
	news chan struct{} // holds an element when something has come

	// Guarded by requests.mu.
	owner   *requests
	chunks  []*Event
	limited time.Duration // Discord wants the request again after it
	lost    bool          // the session that it was made in is over
}

func (q *requests) add(nonce string, s *shard) *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all == nil {
		q.all = make(map[string]*request)
	}
	r := &request{s: s, owner: q, news: make(chan struct{}, 1)}
	q.all[nonce] = r
	return r
}

func (q *requests) remove(nonce string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.all, nonce)
}

// take returns the answers that have come since the last call.
func (r *request) take() (chunks []*Event, limited time.Duration, lost bool) {
	r.owner.mu.Lock()
	defer r.owner.mu.Unlock()
	chunks, limited, lost = r.chunks, r.limited, r.lost
	r.chunks, r.limited, r.lost = nil, 0, false
	return chunks, limited, lost
}

// change changes a request, if it is under way, and wakes its goroutine.
func (q *requests) change(nonce string, f func(*request)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r := q.all[nonce]; r != nil {
		f(r)
		r.wake()
	}
}

// lose notes that a shard has a new session, in which nothing comes for the requests
// of the old one.
func (q *requests) lose(s *shard) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.all {
		if r.s == s {
			r.lost = true
			r.wake()
		}
	}
}

func (r *request) wake() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// observe shows an event to the parts of the Gateway that follow events themselves.
// e.Data is valid during the call only.
func (r *running) observe(s *shard, e *Event) {
	switch e.Kind {
	case "GUILD_MEMBERS_CHUNK":
		var c struct {
			Nonce string `json:"nonce"`
		}
		tolerant.Unmarshal(e.Data, &c)
		r.requests.change(c.Nonce, func(q *request) {
			own := *e
			own.Data = slices.Clone(e.Data)
			q.chunks = append(q.chunks, &own)
		})
	case "RATE_LIMITED":
		if l, err := EventRateLimited.Decode(e); err == nil {
			pause := time.Duration(max(l.RetryAfter, 0.001) * float64(time.Second))
			r.requests.change(l.Meta.Nonce, func(q *request) { q.limited = pause })
		}
	case "USER_UPDATE":
		if u, err := EventUserUpdate.Decode(e); err == nil && u.ID != 0 {
			r.me.Store(&u.User)
		}
	}
	if r.State != nil {
		r.State.apply(s.shard, r.Me().ID, e)
	}
}
