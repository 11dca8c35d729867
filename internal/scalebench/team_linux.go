package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vkrouter/vk/internal/dbserver"
)

const group = 7

// message is an event as VK sends it.
const message = `{"group_id":%d,"type":"message_new","event_id":"%s","v":"5.199","object":{"message":{"date":1732838400,"from_id":%[3]d,"id":1,"version":10000005,"out":0,"important":false,"is_hidden":false,"attachments":[],"conversation_message_id":1,"fwd_messages":[],"text":"%s","peer_id":%[3]d,"random_id":0},"client_info":{"button_actions":["text","vkpay","open_app","location","open_link","open_photo","callback","intent_subscribe","intent_unsubscribe"],"keyboard":true,"inline_keyboard":true,"carousel":true,"lang_id":0}}}`

// A team is a bot of several processes behind a balancer.
type team struct {
	*world
	redis *dbserver.Server
	setup setup
	web   *http.Client

	mu      sync.Mutex
	all     []*member // that the balancer knows
	next    int
	refused int             // deliveries that no process accepted
	okAfter []time.Duration // times until acknowledgment
	seq     int
}

// A member is one process.
type member struct {
	addr string
	cmd  *exec.Cmd
	done chan struct{}
}

// newTeam starts n processes with data of their own in the server.
func newTeam(redis *dbserver.Server, n, workers, rps int) (*team, error) {
	w, err := newWorld(rps)
	if err != nil {
		return nil, err
	}
	t := &team{
		world: w, redis: redis, web: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		setup: setup{redis.Addr, fmt.Sprintf("b%d:", time.Now().UnixNano()), w.url, workers, rps},
	}
	for range n {
		if _, err := t.start(); err != nil {
			t.stop()
			return nil, err
		}
	}
	return t, nil
}

// start starts one more process.
func (t *team) start() (*member, error) {
	m := &member{cmd: exec.Command("/proc/self/exe"), done: make(chan struct{})}
	m.cmd.Env = append(os.Environ(), t.setup.env())
	m.cmd.Stderr = os.Stderr
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		defer close(m.done)
		m.cmd.Wait()
	}()
	if err != nil {
		return nil, fmt.Errorf("a process has ended at its start: %w", err)
	}
	m.addr = strings.TrimSpace(addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, m)
	return m, nil
}

// leave removes a process from the balancer.
func (t *team) leave(m *member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range t.all {
		if other == m {
			t.all = append(t.all[:i:i], t.all[i+1:]...)
			return
		}
	}
}

// members returns the processes that the balancer knows.
func (t *team) members() []*member {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*member(nil), t.all...)
}

// stop ends all processes.
func (t *team) stop() {
	for _, m := range t.members() {
		m.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, m := range t.members() {
		<-m.done
	}
	t.world.close()
}

// tell delivers a message to the next process, and to others until one accepts
// it, as VK does, but sooner.
func (t *team) tell(peer int, text string) error {
	t.mu.Lock()
	t.seq++
	id := fmt.Sprintf("%x-%d", t.setup.prefix, t.seq)
	t.mu.Unlock()
	body := fmt.Sprintf(message, group, id, peer, text)
	first := time.Now()
	for time.Since(first) < 2*time.Minute {
		t.mu.Lock()
		t.next++
		m := t.all[t.next%len(t.all)]
		t.mu.Unlock()
		began := time.Now()
		status, answer, err := t.post(m, body)
		t.mu.Lock()
		if err == nil && status == http.StatusOK && answer == "ok" {
			t.okAfter = append(t.okAfter, time.Since(began))
			t.mu.Unlock()
			return nil
		}
		if err == nil {
			t.refused++ // otherwise the process is gone, which the balancer would notice
		}
		t.mu.Unlock()
		time.Sleep(20*time.Millisecond + rand.N(20*time.Millisecond))
	}
	return errors.New("no process takes the event")
}

func (t *team) post(m *member, body string) (status int, answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+m.addr, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", err
	}
	resp, err := t.web.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
