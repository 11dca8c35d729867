package discord

import (
	"cmp"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// Shards says which shards of a bot a [Gateway] runs. The zero Shards means all that
// Discord recommends.
//
// A bot in many guilds has several connections, its shards, each with a part of the
// guilds: shard guild>>22 % Total. Direct messages come to shard 0. On two machines,
// a bot of 16 shards runs Shards{Total: 16, From: 0, To: 8} and Shards{Total: 16,
// From: 8, To: 16}, each with a [Gateway.Turn] that both share.
type Shards struct {
	Total    int // of the whole bot; zero for as many as Discord recommends
	From, To int // those of this Gateway, without To; both zero for all
}

// check returns the mistake in the numbers, or nil.
func (s Shards) check() *ConfigError {
	const mend = "leave Gateway.Shards zero, or write Shards{Total: 16, From: 0, To: 8} for the first half of 16"
	switch {
	case s.Total < 0, s.From < 0, s.To < 0:
		return misuse("Gateway.Shards", "has a negative number", mend)
	case s.Total == 0 && (s.From != 0 || s.To != 0):
		return misuse("Gateway.Shards", "has no Total", mend)
	case s.From > 0 && s.To == 0, s.To > 0 && s.From >= s.To, s.To > s.Total:
		return misuse("Gateway.Shards", fmt.Sprintf("has no shards from %d to %d of %d", s.From, s.To, s.Total), mend)
	}
	return nil
}

// all returns the shards, if Discord recommends as many.
func (s Shards) all(recommended int) (list []Shard) {
	total := cmp.Or(s.Total, max(recommended, 1))
	for id := s.From; id < cmp.Or(s.To, total); id++ {
		list = append(list, Shard{ID: id, Total: total})
	}
	return list
}

// shardOf returns the number of the shard that has a guild. The guild 0 stands for
// direct messages.
func shardOf(guild ID, total int) int { return int(uint64(guild) >> 22 % uint64(total)) }

// A ShardPhase is how far the connection of a shard is.
type ShardPhase uint8

// The phases of a shard.
const (
	ShardWaiting     ShardPhase = iota // between two connections
	ShardConnecting                    // until Discord says hello
	ShardIdentifying                   // a new session, or the turn to begin one
	ShardResuming                      // getting the events that were missed
	ShardReady                         // getting events
	ShardStopped                       // Run has ended
)

var phaseNames = [...]string{"waiting", "connecting", "identifying", "resuming", "ready", "stopped"}

// String returns the name of the phase, such as "ready".
func (p ShardPhase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return "phase " + strconv.Itoa(int(p))
}

// A ShardStatus says how a shard of a [Gateway] fares, for instance to the handler
// of a health check.
type ShardStatus struct {
	Shard     Shard
	Phase     ShardPhase
	Since     time.Time     // when the Phase began
	Latency   time.Duration // of the last heartbeat; zero before the first
	LastEvent time.Time     // zero if none has come
	Failures  int           // in a row: connections that ended before they were ready, and the one that was ready before them
	Err       error         // why the last connection ended; nil if the shard is ready
}

// setPhase notes that a phase begins.
func (s *shard) setPhase(p ShardPhase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Phase, s.status.Since = p, time.Now()
	if p == ShardReady {
		s.status.Err, s.status.Failures = nil, 0
	}
}

// log logs with the shard's number.
func (s *shard) log(level slog.Level, msg string, attrs ...slog.Attr) {
	s.r.log.LogAttrs(s.r.base, level, msg, append([]slog.Attr{slog.String("shard", s.shard.String())}, attrs...)...)
}
