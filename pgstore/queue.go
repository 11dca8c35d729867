package pgstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk"
)

var _ vk.Queue = (*Store)(nil)

const (
	maxLane = 100 // bytes
	takes   = 5 * time.Second
)

// queueStatements are the statements of the Queue and the Limits.
type queueStatements struct {
	put, take, unwait, done, beat, lead, leave      string
	reserve, cancel, reset, acquire, release, sweep string
}

// newQueueStatements returns the statements for a table.
func newQueueStatements(table string) queueStatements {
	in := func(s string) string { return inTable(table, s) }
	return queueStatements{
		put:     in(`SELECT * FROM FUNC_put($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`),
		take:    in(`SELECT * FROM FUNC_take($1, $2, $3, $4, $5)`),
		unwait:  in(`SELECT FUNC_unwait($1, $2)`),
		done:    in(`SELECT * FROM FUNC_done($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
		beat:    in(`SELECT * FROM FUNC_beat($1, $2, $3, $4, $5, $6, $7, $8)`),
		lead:    in(`SELECT val, leads FROM FUNC_lead($1, $2, $3, $4)`),
		leave:   in(`SELECT FUNC_leave($1, $2)`),
		reserve: in(`SELECT FUNC_reserve($1, $2, $3::bigint * interval '1 microsecond', $4, $5)`),
		cancel:  in(`SELECT FUNC_cancel($1, $2)`),
		reset:   in(`SELECT FUNC_reset($1)`),
		acquire: in(`SELECT holders, ok FROM FUNC_acquire($1, $2, $3, $4::bigint * interval '1 microsecond')`),
		release: in(`SELECT FUNC_unhold($1, $2)`),
		sweep:   in(`SELECT FUNC_sweep()`),
	}
}

// A queueRow is a row of an answer; see its kinds in sql/queue.sql.
type queueRow struct {
	Kind              int
	Lane              *string
	Epoch, After, Seq *int64
	Tries             *int
	ID                *string
	Data              []byte
}

const (
	rowEvent = iota
	rowLost
	rowPause
	rowOvertaken
	rowNotLeading
	rowDead
)

// ask executes a statement of the Queue for a worker.
func (s *Store) ask(ctx context.Context, op, sql string, w vk.QueueWorker, args ...any) (rows []queueRow, err error) {
	if err := checkWorker(ctx, op, w); err != nil {
		return nil, err
	}
	for {
		turn := s.turn.Add(1)
		all := append([]any{w.Group, w.ID, min(max(0, w.Room), 1<<30), turn}, args...)
		err := s.call(ctx, op, func(ctx context.Context) error {
			found, err := s.pool.Query(ctx, sql, all...)
			if err != nil {
				return err
			}
			rows, err = pgx.CollectRows(found, pgx.RowToStructByPos[queueRow])
			return err
		})
		if err != nil || len(rows) == 0 || rows[0].Kind != rowOvertaken {
			return rows, err
		}
		s.overtaken(*rows[0].Seq)
	}
}

// overtaken notes the number of a Beat that has overtaken a call, which had no
// effect. The next call has a greater number.
func (s *Store) overtaken(last int64) {
	for now := s.turn.Load(); now < last && !s.turn.CompareAndSwap(now, last); now = s.turn.Load() {
	}
}

// checkWorker returns an error for a worker that is invalid on any server.
func checkWorker(ctx context.Context, op string, w vk.QueueWorker) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case w.ID == "":
		return errors.New("pgstore: " + op + ": QueueWorker without an ID: give each start of a process a random one")
	case !isText(w.ID):
		return fmt.Errorf("pgstore: %s: the ID %q of a QueueWorker must be UTF-8 text without zero bytes", op, w.ID)
	}
	return nil
}

// isText reports whether PostgreSQL can store s as text.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// answer returns the answer made of the rows. pause is the time until the pause
// of a lane ends.
func answer(rows []queueRow) (a vk.QueueAnswer, pause time.Duration) {
	for _, r := range rows {
		switch r.Kind {
		case rowLost:
			a.Lost = append(a.Lost, vk.QueueLost{Lane: *r.Lane, Epoch: *r.Epoch})
		case rowPause:
			pause = time.Duration(*r.Seq) * time.Millisecond
		case rowEvent:
			n := len(a.Batches)
			if n == 0 || a.Batches[n-1].Lane != *r.Lane {
				a.Batches = append(a.Batches, vk.QueueBatch{Lane: *r.Lane, Epoch: *r.Epoch, After: *r.After})
				n++
			}
			b := &a.Batches[n-1]
			b.Events = append(b.Events, vk.QueuedEvent{Seq: *r.Seq, Tries: *r.Tries, ID: *r.ID, Data: r.Data})
		}
	}
	return a, pause
}

// Put implements vk.Queue.
func (s *Store) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (vk.QueueAnswer, error) {
	hashes, lanes, ids, datas := make([]*int64, len(events)), make([]string, len(events)), make([]string, len(events)), make([][]byte, len(events))
	for i, e := range events {
		switch {
		case e.Lane == "" || len(e.Lane) > maxLane:
			return vk.QueueAnswer{}, fmt.Errorf("pgstore: Put: Lane %.40q of %d bytes: want 1 to %d", e.Lane, len(e.Lane), maxLane)
		case !isText(e.Lane) || !isText(e.ID):
			return vk.QueueAnswer{}, fmt.Errorf("pgstore: Put: the Lane %q and the ID %q must be UTF-8 text without zero bytes", e.Lane, e.ID)
		}
		hashes[i], lanes[i], ids[i], datas[i] = hashID(e.ID), e.Lane, e.ID, e.Data
		if e.Data == nil {
			datas[i] = []byte{}
		}
	}
	var role, value *string
	if at != nil {
		role, value = &at.Role, &at.Value
	}
	rows, err := s.ask(ctx, "Put", s.queue.put, w, role, value, hashes, lanes, ids, datas)
	if err != nil {
		return vk.QueueAnswer{}, err
	}
	if len(rows) > 0 && rows[0].Kind == rowNotLeading {
		return vk.QueueAnswer{}, vk.ErrNotLeading
	}
	if err := s.fillOwn(rows, events); err != nil {
		return vk.QueueAnswer{}, err
	}
	s.tidy(ctx)
	a, _ := answer(rows)
	return a, nil
}

// fillOwn fills in the IDs and the data of the events that the Put has added:
// in place of the ID, their rows have the number of the event.
func (s *Store) fillOwn(rows []queueRow, events []vk.QueueEvent) error {
	for i, r := range rows {
		if r.Kind != rowEvent || r.Data != nil {
			continue
		}
		n, err := strconv.Atoi(*r.ID)
		if err != nil || n < 1 || n > len(events) {
			return &Error{Op: "Put", Addr: s.addr, Err: fmt.Errorf("malformed answer: event number %.40q of %d", *r.ID, len(events)), Remedy: remedies["42804"]}
		}
		rows[i].ID, rows[i].Data = &events[n-1].ID, slices.Concat([]byte{}, events[n-1].Data)
	}
	return nil
}

// hashID returns the number that represents an ID among those that were put, or
// nil.
func hashID(id string) *int64 {
	if id == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(id))
	n := int64(binary.BigEndian.Uint64(sum[:]))
	return &n
}

// Take implements vk.Queue.
func (s *Store) Take(ctx context.Context, w vk.QueueWorker) (vk.QueueAnswer, error) {
	if err := checkWorker(ctx, "Take", w); err != nil {
		return vk.QueueAnswer{}, err
	}
	woken, stop, err := s.listener.wait(w)
	if err != nil {
		return vk.QueueAnswer{}, s.failed(ctx, ctx, "Take", err)
	}
	defer stop()
	defer func() {
		if ctx.Err() != nil {
			s.unwait(w)
		}
	}()
	end := time.Now().Add(takes)
	for blocked := false; ; blocked = true {
		rows, err := s.ask(ctx, "Take", s.queue.take, w, blocked)
		if err != nil {
			return vk.QueueAnswer{}, err
		}
		a, pause := answer(rows)
		if len(a.Batches) > 0 || len(rows) > 0 && rows[0].Kind == rowDead {
			return a, nil
		}
		wait := time.Until(end)
		if pause > 0 {
			wait = min(wait, pause)
		}
		timer := time.NewTimer(wait)
		select {
		case <-woken:
			timer.Stop()
		case <-timer.C:
			if time.Until(end) <= 0 {
				return a, nil
			}
		case <-ctx.Done():
			timer.Stop()
			return vk.QueueAnswer{}, s.failed(ctx, ctx, "Take", ctx.Err())
		}
	}
}

// unwait tells the server that a Take has given up, so that others are woken in
// its place. If that fails, they look at the next Beat.
func (s *Store) unwait(w vk.QueueWorker) {
	if w.Room <= 0 {
		return // it does not wait for free lanes
	}
	s.listener.goRun(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
		defer cancel()
		s.pool.Exec(ctx, s.queue.unwait, w.Group, w.ID)
	})
}

// Done implements vk.Queue.
func (s *Store) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (vk.QueueAnswer, error) {
	lanes, seqs := make([]string, len(done)), make([]string, len(done))
	epochs, pauses, backs := make([]int64, len(done)), make([]int64, len(done)), make([]bool, len(done))
	for i, d := range done {
		lanes[i], epochs[i], backs[i], pauses[i] = d.Lane, d.Epoch, d.GiveBack, microseconds(max(0, d.Pause))
		seqs[i] = arrayText(d.Seqs)
	}
	rows, err := s.ask(ctx, "Done", s.queue.done, w, lanes, epochs, backs, pauses, seqs)
	a, _ := answer(rows)
	return a, err
}

// arrayText returns an array as PostgreSQL writes it: the driver has no arrays of arrays
// of different lengths.
func arrayText(seqs []int64) string {
	b := []byte{'{'}
	for i, seq := range seqs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, seq, 10)
	}
	return string(append(b, '}'))
}

// Beat implements vk.Queue.
func (s *Store) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (vk.QueueAnswer, error) {
	lanes, parked := make([]string, len(held)), make([]string, len(held))
	epochs, lasts := make([]int64, len(held)), make([]int64, len(held))
	for i, h := range held {
		lanes[i], epochs[i], lasts[i], parked[i] = h.Lane, h.Epoch, h.Last, arrayText(h.Parked)
	}
	rows, err := s.ask(ctx, "Beat", s.queue.beat, w, lanes, epochs, lasts, parked)
	a, _ := answer(rows)
	return a, err
}

// Lead implements vk.Queue.
func (s *Store) Lead(ctx context.Context, w vk.QueueWorker, role string) (value string, leads bool, err error) {
	if err := checkWorker(ctx, "Lead", w); err != nil {
		return "", false, err
	}
	for {
		var is *bool
		err := s.call(ctx, "Lead", func(ctx context.Context) error {
			return s.pool.QueryRow(ctx, s.queue.lead, w.Group, w.ID, s.turn.Add(1), role).Scan(&value, &is)
		})
		if err != nil {
			return "", false, err
		}
		if is != nil {
			return value, *is, nil
		}
		last, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "", false, &Error{Op: "Lead", Addr: s.addr, Err: fmt.Errorf("malformed answer: %.40q", value), Remedy: remedies["42804"]}
		}
		s.overtaken(last)
	}
}

// Leave implements vk.Queue.
func (s *Store) Leave(ctx context.Context, w vk.QueueWorker) error {
	if err := checkWorker(ctx, "Leave", w); err != nil {
		return err
	}
	return s.call(ctx, "Leave", func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, s.queue.leave, w.Group, w.ID)
		return err
	})
}
