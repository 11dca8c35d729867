package redisstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk"
)

var _ vk.Queue = (*Store)(nil)

// The scripts of the Queue.
var (
	//go:embed lua/queue.lua
	queueLua string
	//go:embed lua/put.lua
	putLua string
	//go:embed lua/take.lua
	takeLua string
	//go:embed lua/done.lua
	doneLua string
	//go:embed lua/beat.lua
	beatLua string
	//go:embed lua/lead.lua
	leadLua string
	//go:embed lua/leave.lua
	leaveLua string

	putScript   = newScript(queueLua + putLua)
	takeScript  = newScript(queueLua + takeLua)
	doneScript  = newScript(queueLua + doneLua)
	beatScript  = newScript(queueLua + beatLua)
	leadScript  = newScript(queueLua + leadLua)
	leaveScript = newScript(queueLua + leaveLua)
)

const (
	maxLane = 100 // bytes
	takes   = 5 * time.Second
)

// group returns the prefix of all names of a community. The braces make the
// names share a slot of a Cluster.
func (s *Store) group(id int64) string {
	return s.prefix + "queue{" + strconv.FormatInt(id, 10) + "}"
}

// call runs a script of the Queue for a worker.
func (s *Store) call(ctx context.Context, op string, sc script, w vk.QueueWorker, args []any) (any, error) {
	if w.ID == "" {
		return nil, errors.New("redisstore: " + op + ": QueueWorker without an ID: give each start of a process a random one")
	}
	for {
		turn := s.turn.Add(1)
		cmd, err := s.promptly(ctx, s.timeout, func(ctx context.Context) *redis.Cmd {
			return s.eval(ctx, sc, s.group(w.Group), append([]any{w.ID, max(0, w.Room), turn}, args...)...)
		})
		if err != nil {
			return nil, s.failed(ctx, op, err)
		}
		last, overtaken := cmd.Val().(int64)
		if !overtaken || op == "Leave" {
			return cmd.Val(), nil
		}
		// A Beat has overtaken the call, which had no effect.
		for now := s.turn.Load(); now < last && !s.turn.CompareAndSwap(now, last); now = s.turn.Load() {
		}
	}
}

// Put implements vk.Queue.
func (s *Store) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	args := []any{0, "", ""}
	if at != nil {
		args = []any{1, at.Role, at.Value}
	}
	for _, e := range events {
		if e.Lane == "" || len(e.Lane) > maxLane {
			return vk.QueueAnswer{}, fmt.Errorf("redisstore: Put: Lane %.40q of %d bytes: want 1 to %d", e.Lane, len(e.Lane), maxLane)
		}
		args = append(args, hashID(e.ID), e.Lane, packEvent(e))
	}
	reply, err := s.call(ctx, "Put", putScript, w, args)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	if reply == "not leading" {
		return vk.QueueAnswer{}, vk.ErrNotLeading
	}
	answer, _, err := s.answer("Put", reply, events)
	return answer, err
}

// hashID returns the number that represents an ID among those that were put.
func hashID(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id))
	return strconv.FormatInt(int64(binary.BigEndian.Uint64(sum[:])), 10)
}

// packEvent returns the ID, preceded by its length, and the data.
func packEvent(e vk.QueueEvent) []byte {
	b := make([]byte, 0, len(e.ID)+len(e.Data)+binary.MaxVarintLen64)
	b = binary.AppendUvarint(b, uint64(len(e.ID)))
	b = append(b, e.ID...)
	return append(b, e.Data...)
}

// Take implements vk.Queue.
func (s *Store) Take(ctx context.Context, w vk.QueueWorker) (vk.QueueAnswer, error) {
	end := time.Now().Add(takes)
	for blocked := 0; ; blocked = 1 {
		reply, err := s.call(ctx, "Take", takeScript, w, []any{blocked})
		if err != nil {
			return vk.QueueAnswer{}, err
		}
		answer, pause, err := s.answer("Take", reply, nil)
		if err != nil || len(answer.Batches) > 0 || pause < 0 {
			return answer, err
		}
		wait := time.Until(end)
		if pause > 0 {
			wait = min(wait, pause)
		}
		if wait < time.Millisecond {
			return answer, nil
		}
		if err := s.sleep(ctx, w, wait); err != nil {
			return vk.QueueAnswer{}, s.failed(ctx, "Take", err)
		}
		if time.Until(end) < time.Millisecond {
			return answer, nil
		}
	}
}

// sleep returns when there may be events for the worker, or after wait.
func (s *Store) sleep(ctx context.Context, w vk.QueueWorker, wait time.Duration) error {
	group, caller := s.group(w.Group), ctx
	args := []any{"blpop", group + ":wake:" + w.ID}
	if w.Room > 0 {
		args = append(args, group+":wake")
	}
	args = append(args, strconv.FormatFloat(wait.Seconds(), 'f', 3, 64))
	_, err := s.promptly(ctx, wait+s.timeout, func(ctx context.Context) *redis.Cmd {
		cmd := redis.NewCmd(ctx, args...)
		cmd.SetFirstKeyPos(1)
		s.waiter.Process(ctx, once{cmd})
		if caller.Err() != nil && cmd.Err() == nil {
			s.client.RPush(ctx, group+":wake", "1") // the wake-up is for another Take
		}
		return cmd
	})
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// Done implements vk.Queue.
func (s *Store) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (vk.QueueAnswer, error) {
	var args []any
	for _, d := range done {
		args = append(args, d.Lane, d.Epoch, d.GiveBack, milliseconds(max(0, d.Pause)), len(d.Seqs))
		for _, seq := range d.Seqs {
			args = append(args, seq)
		}
	}
	reply, err := s.call(ctx, "Done", doneScript, w, args)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	answer, _, err := s.answer("Done", reply, nil)
	return answer, err
}

// Beat implements vk.Queue.
func (s *Store) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	var args []any
	for _, h := range held {
		parked := make([]string, len(h.Parked))
		for i, seq := range h.Parked {
			parked[i] = strconv.FormatInt(seq, 10)
		}
		args = append(args, h.Lane, h.Epoch, h.Last, strings.Join(parked, ","))
	}
	reply, err := s.call(ctx, "Beat", beatScript, w, args)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	answer, _, err := s.answer("Beat", reply, nil)
	if _, cluster := s.client.(*redis.ClusterClient); len(answer.Lost) > 0 && !cluster {
		s.compareData(ctx, s.client) // perhaps the data were deleted while the connections stayed
	}
	return answer, err
}

// Lead implements vk.Queue.
func (s *Store) Lead(ctx context.Context, w vk.QueueWorker, role string) (value string, leads bool, err error) {
	reply, err := s.call(ctx, "Lead", leadScript, w, []any{role})
	if err != nil {
		return "", false, err
	}
	list, ok := reply.([]any)
	if !ok || len(list) != 2 {
		return "", false, s.strange("Lead", reply)
	}
	value, ok = list[0].(string)
	if !ok {
		return "", false, s.strange("Lead", reply)
	}
	return value, list[1] == int64(1), nil
}

// Leave implements vk.Queue.
func (s *Store) Leave(ctx context.Context, w vk.QueueWorker) error {
	_, err := s.call(ctx, "Leave", leaveScript, w, nil)
	return err
}

// strange returns the error for a malformed answer of a script.
func (s *Store) strange(op string, reply any) error {
	return &Error{Op: op, Addr: s.addr, Err: fmt.Errorf("malformed answer: %.100v", reply), Remedy: remedies["WRONGTYPE"]}
}

// answer decodes the answer of a script to which put was sent. pause is the time
// until the pause of a lane ends, or negative if the worker is dead.
func (s *Store) answer(op string, reply any, put []vk.QueueEvent) (a vk.QueueAnswer, pause time.Duration, err error) {
	parts, ok := reply.([]any)
	if !ok || len(parts) != 3 {
		return a, 0, s.strange(op, reply)
	}
	d := replyDecoder{ok: true, put: put}
	for _, part := range d.list(parts[0]) {
		a.Batches = append(a.Batches, d.batch(part))
	}
	lost := d.list(parts[1])
	for i := 0; i+1 < len(lost); i += 2 {
		a.Lost = append(a.Lost, vk.QueueLost{Lane: d.text(lost[i]), Epoch: d.number(lost[i+1])})
	}
	pause = time.Duration(d.number(parts[2])) * time.Millisecond
	if !d.ok {
		return vk.QueueAnswer{}, 0, s.strange(op, reply)
	}
	return a, pause, nil
}

// A replyDecoder decodes answers of scripts. ok is false after an error.
type replyDecoder struct {
	ok  bool
	put []vk.QueueEvent // the events that the script was sent
}

func (d *replyDecoder) list(v any) []any {
	list, ok := v.([]any)
	d.ok = d.ok && ok
	return list
}

func (d *replyDecoder) text(v any) string {
	text, ok := v.(string)
	d.ok = d.ok && ok
	return text
}

func (d *replyDecoder) number(v any) int64 {
	if n, ok := v.(int64); ok {
		return n
	}
	n, err := strconv.ParseInt(d.text(v), 10, 64)
	d.ok = d.ok && err == nil
	return n
}

// batch decodes a lane, its epoch, the last Seq before the events, and the Seq,
// Tries and data of each event.
func (d *replyDecoder) batch(v any) (b vk.QueueBatch) {
	list := d.list(v)
	if len(list) < 3 || len(list)%3 != 0 {
		d.ok = false
		return b
	}
	b.Lane, b.Epoch, b.After = d.text(list[0]), d.number(list[1]), d.number(list[2])
	for i := 3; i < len(list); i += 3 {
		e := vk.QueuedEvent{Seq: d.number(list[i]), Tries: int(d.number(list[i+1]))}
		e.ID, e.Data = d.event(list[i+2])
		b.Events = append(b.Events, e)
	}
	return b
}

// event decodes the ID and the data of an event. For one that the script was
// sent, it has only the event's number.
func (d *replyDecoder) event(v any) (id string, data []byte) {
	if n, sent := v.(int64); sent {
		if d.ok = d.ok && n >= 0 && n < int64(len(d.put)); !d.ok {
			return "", nil
		}
		return d.put[n].ID, bytes.Clone(d.put[n].Data)
	}
	packed := []byte(d.text(v))
	n, size := binary.Uvarint(packed)
	if size <= 0 || n > uint64(len(packed)-size) {
		d.ok = false
		return "", nil
	}
	packed = packed[size:]
	return string(packed[:n]), packed[n:]
}
