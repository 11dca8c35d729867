// Package queue is the worker's side of a queue that several processes share: it takes
// the lanes that the process has room for, hands their events out in order, reports
// what has become of them, and notices when lanes are lost.
//
// # Answers
//
// Calls overlap, so that their answers may overtake each other. A batch says which
// event came before it: one that comes too early waits for those before, and events
// that come twice are dropped. After a call has failed, nobody knows what it has done:
// a Beat that succeeds comes before any other call, and settles it.
//
// # Locks
//
// Worker.mu guards all lanes and items. Nothing else is locked while it is held, and no
// function of the Config is called with it.
package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"
)

// A Queue keeps the events of communities. Its methods are those of vk.Queue.
type Queue interface {
	Put(ctx context.Context, w ID, events []Event, at *Mark) (Answer, error)
	Take(ctx context.Context, w ID) (Answer, error)
	Done(ctx context.Context, w ID, done []Done) (Answer, error)
	Beat(ctx context.Context, w ID, held []Held) (Answer, error)
	Lead(ctx context.Context, w ID, role string) (value string, leads bool, err error)
	Leave(ctx context.Context, w ID) error
}

// Lease is the time without a call after which a worker is dead.
const Lease = 5 * time.Second

// An ID names a worker, and says how many more lanes it takes.
type ID struct {
	Group int64
	ID    string
	Room  int
}

// An Event is an event to be put.
type Event struct {
	ID   string
	Lane string
	Data []byte
}

// A Mark is the new value of a role.
type Mark struct{ Role, Value string }

// An Answer is what a call brings.
type Answer struct {
	Batches []Batch
	Lost    []Lost
}

// A Batch is events of one lane.
type Batch struct {
	Lane   string
	Epoch  int64
	After  int64
	Events []Queued
}

// A Queued event has been put.
type Queued struct {
	Seq   int64
	Tries int
	ID    string
	Data  []byte
}

// A Done says what has become of a lane's events.
type Done struct {
	Lane     string
	Epoch    int64
	Seqs     []int64
	GiveBack bool
	Pause    time.Duration
}

// A Held is a lane that the worker believes to hold.
type Held struct {
	Lane   string
	Epoch  int64
	Last   int64
	Parked []int64
}

// A Lost is a lane that the worker has lost.
type Lost struct {
	Lane  string
	Epoch int64
}

// ErrUnsettled says that a call was not made, because it is not known what a former one
// has done.
var ErrUnsettled = errors.New("queue: out of reach since a call failed")

// ErrNotLeading says that Put has done nothing, because the worker does not lead the role.
var ErrNotLeading = errors.New("queue: the worker does not lead the role")

// complete reports whether an answer has left out no event. One that is large may have.
func (a Answer) complete() bool {
	events, size := 0, 0
	for _, b := range a.Batches {
		events += len(b.Events)
		for _, e := range b.Events {
			size += len(e.Data)
		}
	}
	return events < 256 && size < 1<<19
}

// A parcel is the data of an event as they are put: with the name of the call that has
// put them. An event that comes back from this call was in nobody's hands before.
type parcel struct {
	By   string          `json:"by"`
	Data json.RawMessage `json:"data"`
}

const (
	parcelBy   = `{"by":"`
	parcelData = `","data":`
)

// wrap returns the parcel of an event. by needs no escapes.
func wrap(by string, data []byte) []byte {
	b := make([]byte, 0, len(parcelBy)+len(by)+len(parcelData)+len(data)+1)
	b = append(b, parcelBy...)
	b = append(b, by...)
	b = append(b, parcelData...)
	b = append(b, data...)
	return append(b, '}')
}

// unwrap is the reverse of wrap. A queue may have changed white space and the order of
// the fields.
func unwrap(b []byte) (by string, data []byte, err error) {
	if rest, ok := bytes.CutPrefix(b, []byte(parcelBy)); ok {
		if by, data, ok := bytes.Cut(rest, []byte(parcelData)); ok && len(data) > 1 && data[len(data)-1] == '}' {
			return string(by), data[:len(data)-1], nil
		}
	}
	var p parcel
	if err := json.Unmarshal(b, &p); err != nil {
		return "", b, err
	}
	return p.By, p.Data, nil
}
