package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/fakevk"
)

// killsEnv is the variable with the number of kills in each case of TestKill:
//
//	VK_KILLS=100 go test -run TestKill -v -timeout 1h ./internal/durable
const killsEnv = "VK_KILLS"

// TestKill kills a bot's processes with SIGKILL while users talk to it, in
// dialogues with payments and timers. No user sees a message twice or misses
// one, sessions count each event once, a payment has one key, and nothing is
// left in the store.
func TestKill(t *testing.T) {
	kills := 8
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = n
	}
	for _, test := range []struct {
		name   string
		source string
		deploy bool          // each process has a different Version
		stops  bool          // half of the processes are told to stop just before the kill
		slow   time.Duration // duration of each write of a trail
	}{
		{"poll", "poll", false, false, 0},
		{"poll, other versions", "poll", true, false, 0},
		{"poll, stops, slow trails", "poll", false, true, 5 * time.Millisecond},
		{"webhook", "webhook", false, false, 0},
		{"both, other versions, stops", "both", true, true, time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			town := newTown(t, 20)
			rng := rand.New(rand.NewPCG(uint64(kills), uint64(len(test.name))))
			o := botOptions{source: test.source, store: filepath.Join(t.TempDir(), "store"), slow: test.slow}
			for round := range kills + 1 {
				if test.deploy {
					o.version = fmt.Sprint("v", round)
				}
				b := town.start(t, o)
				if round == 0 {
					town.begin(t)
				}
				if round == kills {
					town.leave(t)
					b.stop(t)
					break
				}
				time.Sleep(time.Duration(30+rng.IntN(120)) * time.Millisecond)
				if test.stops && rng.IntN(2) == 0 {
					b.tell()
					time.Sleep(time.Duration(rng.IntN(20_000)) * time.Microsecond)
				}
				b.kill()
			}
			town.check(t, test.deploy)
			town.left(t, o.store)
		})
	}
}

// TestKillManyTimers kills a bot while a thousand timers are due at once.
func TestKillManyTimers(t *testing.T) {
	const timers = 1000
	town := newTown(t, 50) // VK keeps the last hundred messages of a dialog
	o := botOptions{source: "poll", store: filepath.Join(t.TempDir(), "store")}
	b := town.start(t, o)
	for i, p := range town.people {
		p.says(t, fmt.Sprint("!ping a", i))
		p.hears(t, fmt.Sprint("pong a", i))
	}
	anna := town.people[0]
	anna.says(t, fmt.Sprintf("!many %d %d", timers, len(town.people)))
	anna.hears(t, "Many set")
	for i := range 4 {
		time.Sleep(time.Duration(50*(i+1)) * time.Millisecond)
		b.kill()
		b = town.start(t, o)
	}
	began := time.Now()
	anna.says(t, "!ping b")
	anna.hears(t, "pong b")
	pong := time.Since(began)
	for i := range timers {
		town.people[i%len(town.people)].hears(t, fmt.Sprint("Reminder m", i))
	}
	b.stop(t)
	town.check(t, false)
	town.left(t, o.store)
	t.Logf("pong %v after the last start", pong)
}

// A town is a fake VK on a local port, with users who talk to a bot in another
// process. It records the bot's effects outside of VK.
type town struct {
	world   *fakevk.World
	group   fakevk.Group
	addr    string
	people  []*citizen
	crier   int64 // the user whose messages tell that a bot is up
	talking sync.WaitGroup

	mu      sync.Mutex
	bot     string              // the address of its webhook
	effects map[string][]string // keys of the effects, by kind
	last    map[int64]chan bool // the last delivery to the webhook, by user
	dropped int                 // users that left: their event was dropped after five kills
	log     logLines
	over    bool // nobody starts another dialogue
	closed  bool
}

// newTown returns a town. Its users have not started to talk.
func newTown(t *testing.T, people int) *town {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &town{addr: "http://" + l.Addr().String(), effects: make(map[string][]string), last: make(map[int64]chan bool)}
	w.world = fakevk.New(fakevk.Config{Seed: 1, RPS: -1, CallbackParallel: 16})
	w.group = w.world.AddGroup(fakevk.GroupSpec{Name: "Bot"})
	mux := http.NewServeMux()
	mux.Handle("/", w.world)
	mux.HandleFunc("/effect", func(_ http.ResponseWriter, r *http.Request) { w.effect(r.FormValue("what"), r.FormValue("key")) })
	mux.HandleFunc("/hook", w.hook)
	server := &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(l) })
	for i := range people {
		id := w.world.AddUser(fakevk.UserSpec{FirstName: fmt.Sprint("P", i)}).ID
		w.people = append(w.people, &citizen{town: w, id: id, heard: make(chan string, 4096), seen: make(map[string]int)})
	}
	w.crier = w.world.AddUser(fakevk.UserSpec{FirstName: "Crier"}).ID
	w.world.OnEvent(w.hear)
	t.Cleanup(func() {
		w.mu.Lock()
		w.closed = true
		w.mu.Unlock()
		w.world.Close()
		server.Close()
		serving.Wait()
	})
	return w
}

func (w *town) effect(what, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.effects[what] = append(w.effects[what], key)
}

// hook is the webhook address known to VK. It redelivers an event, as VK does
// but sooner, until the running bot says ok. It delivers the events of one user
// in order.
func (w *town) hook(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	io.WriteString(rw, "ok")
	var e struct {
		Object struct {
			Message struct {
				PeerID int64 `json:"peer_id"`
			} `json:"message"`
		} `json:"object"`
	}
	json.Unmarshal(body, &e)
	from := e.Object.Message.PeerID
	w.mu.Lock()
	defer w.mu.Unlock()
	before, told := w.last[from], make(chan bool)
	w.last[from] = told
	go func() { // ends with the town
		defer close(told)
		if before != nil {
			<-before
		}
		for try := 0; ; try++ {
			w.mu.Lock()
			bot, closed := w.bot, w.closed
			w.mu.Unlock()
			if closed || bot != "" && delivered(bot, body, try) {
				return
			}
			time.Sleep(time.Duration(5+try) * time.Millisecond)
		}
	}()
}

func delivered(bot string, body []byte, try int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, bot, strings.NewReader(string(body)))
	if try > 0 {
		req.Header.Set("X-Retry-Counter", strconv.Itoa(try))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return err == nil && string(answer) == "ok"
}

// hear passes the bot's messages on to the users. It is called with the world
// locked.
func (w *town) hear(e fakevk.Event) {
	if e.Type != "message_reply" {
		return
	}
	var m struct {
		Object struct {
			PeerID int64  `json:"peer_id"`
			Text   string `json:"text"`
		} `json:"object"`
	}
	if json.Unmarshal(e.Envelope("5.199", ""), &m) != nil {
		return
	}
	for _, p := range w.people {
		if p.id == m.Object.PeerID {
			p.heard <- m.Object.Text
		}
	}
}

// begin makes the users talk until leave is called.
func (w *town) begin(t *testing.T) {
	for i, p := range w.people {
		w.talking.Go(func() { p.live(t, rand.New(rand.NewPCG(7, uint64(i)))) })
	}
}

// leave waits until each user's current dialogue has ended.
func (w *town) leave(t *testing.T) {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.talking.Wait()
	time.Sleep(100 * time.Millisecond) // unwanted messages would arrive in this time
}

// check checks that each user saw each message once. With deploys, messages
// sent in the millisecond before a kill, after a recorded step, may appear
// again.
func (w *town) check(t *testing.T, deploys bool) {
	t.Helper()
	lines, twice := 0, 0
	for _, p := range w.people {
		p.drain()
		for text, n := range p.seen {
			lines += n
			if deploys && !strings.HasPrefix(text, "Reminder ") {
				twice += n - 1
			} else if n != 1 {
				t.Errorf("%d sees %q %d times", p.id, text, n)
			}
		}
		if len(p.seen) != p.due && !(p.gone && len(p.seen) > p.due) {
			t.Errorf("%d sees %d lines, want %d", p.id, len(p.seen), p.due)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	charges, again := 0, 0
	for what, keys := range w.effects {
		if !strings.HasPrefix(what, "charge") {
			continue
		}
		charges++
		again += len(keys) - 1
		for _, key := range keys {
			if key != keys[0] {
				t.Errorf("%s has two keys", what)
			}
		}
	}
	t.Logf("%d lines seen, of them again after a deploy: %d; %d payments, of them begun again with the same key: %d; %d events dropped that met five kills", lines, twice, charges, again, w.dropped)
}

// again returns the number of repetitions of an effect.
func (w *town) again(prefix string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for what, keys := range w.effects {
		if strings.HasPrefix(what, prefix) {
			n += len(keys) - 1
		}
	}
	return n
}

// left checks that the store no longer contains trails or timers. With a
// webhook, it contains notes of ended timers for some hours.
func (w *town) left(t *testing.T, path string) {
	t.Helper()
	store, err := filestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n := make(map[string]int)
	store.List(t.Context(), "", func(key string, value []byte) bool {
		kind, _, _ := strings.Cut(key, "/")
		if w.bot != "" && strings.Contains(string(value), `"over":true`) {
			kind = "note"
		}
		n[kind]++
		return true
	})
	if n["trail"]+n["timer"] > 0 {
		t.Errorf("left: %v", n)
	}
	t.Logf("left: %v; timers handled again: %d", n, w.again("fired"))
}

// patience is the time after which a citizen that hears nothing looks whether its
// event was dropped.
const patience = 30 * time.Second

// A citizen is one of the users, and talks to the bot.
type citizen struct {
	*town
	id     int64
	heard  chan string
	seen   map[string]int
	due    int  // lines that the bot still has to say
	gone   bool // its event or timer was dropped: it may see more lines, of a timer
	visits int
}

func (p *citizen) says(t *testing.T, text string) {
	if _, err := p.world.Send(p.id, -p.group.ID, fakevk.Draft{Text: text}); err != nil {
		t.Error(err)
	}
}

// hears waits for a line, which may come after others.
func (p *citizen) hears(t *testing.T, text string) bool {
	p.due++
	began := time.Now()
	late := time.After(patience)
	for p.seen[text] == 0 {
		select {
		case got := <-p.heard:
			p.seen[got]++
		case <-late:
			// A dropped event or timer names the user.
			if p.log.count(" that crashed the bot 5 times", fmt.Sprint(p.id)) > 0 { // as promised for a poison event
				p.mu.Lock()
				p.dropped++
				p.mu.Unlock()
				p.due--
				p.gone = true
				return false
			}
			if time.Since(began) < 10*patience { // the machine may be slow
				late = time.After(patience)
				continue
			}
			var last []string
			for _, m := range p.world.Messages(p.id, -p.group.ID) {
				last = append(last, m.Text)
			}
			t.Errorf("%d does not hear %q: the dialogue ends with %q", p.id, text, last[max(0, len(last)-12):])
			return false
		}
	}
	return true
}

func (p *citizen) drain() {
	for {
		select {
		case got := <-p.heard:
			p.seen[got]++
		default:
			return
		}
	}
}

// live talks to the bot until the town is over.
func (p *citizen) live(t *testing.T, rng *rand.Rand) {
	for n := 0; ; n++ {
		p.mu.Lock()
		over := p.town.over
		p.mu.Unlock()
		if over {
			return
		}
		time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
		id := fmt.Sprint(p.id, "-", n)
		switch rng.IntN(3) {
		case 0:
			p.says(t, "!ping "+id)
			if !p.hears(t, "pong "+id) {
				return
			}
		case 1:
			p.says(t, "!remind "+id)
			if !p.hears(t, "Reminder "+id) {
				return
			}
		default:
			p.visits++
			p.says(t, "!order "+id)
			if !p.hears(t, fmt.Sprintf("Visit %d of %s", p.visits, id)) || !p.hears(t, "Tea "+id+"?") {
				return
			}
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
			p.says(t, "green")
			if !p.hears(t, "Paid green "+id) || !p.hears(t, "Cups "+id+"?") || !p.hears(t, "Reminder o"+id) {
				return
			}
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
			p.says(t, "3")
			if !p.hears(t, "Done "+id) {
				return
			}
		}
	}
}

// done reports an effect of the bot to the town.
func done(town, what, key string) error {
	resp, err := http.PostForm(town+"/effect", url.Values{"what": {what}, "key": {key}})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
