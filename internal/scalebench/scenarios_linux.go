package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk/internal/dbserver"
)

// flood delivers each messages of each of peers users to the team. Messages of
// one user are in order. It uses the given number of senders, with a pause
// after each message.
func (t *team) flood(peers, each, senders, ms int, pause time.Duration) (began time.Time, err error) {
	began = time.Now()
	errs := make([]error, senders)
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for n := range each {
				for peer := s; peer < peers; peer += senders {
					if err := t.tell(peer+1, fmt.Sprintf("work %d %d", ms, n)); err != nil {
						errs[s] = err
						return
					}
					time.Sleep(pause)
				}
			}
		})
	}
	all.Wait()
	return began, errors.Join(errs...)
}

// check returns an error if messages were lost, overtaken or seen twice.
func (t *team) check(want int) error {
	overtaken, twice := t.order()
	if n := t.total() - twice; n < want || overtaken > 0 || twice > 0 {
		return fmt.Errorf("%d of %d events were seen, %d overtaken, %d seen twice", n, want, overtaken, twice)
	}
	return nil
}

func throughput(redis *dbserver.Server) error {
	one := 0.0
	for _, n := range []int{1, 2, 4} {
		t, err := newTeam(redis, n, 4, -1)
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		peers, each := 50*n, 10
		began, err := t.flood(peers, each, 16, 20, 0)
		t.await(peers*each, time.Minute)
		per := float64(peers*each) / time.Since(began).Seconds()
		if err == nil {
			err = t.check(peers * each)
		}
		t.stop()
		if err != nil {
			return err
		}
		if n == 1 {
			one = per
		}
		fmt.Printf("throughput  %d processes of 4 workers, handlers of 20 ms: %.0f events/s, %.2f × N × one process, 0 of %d overtaken\n", n, per, per/one/float64(n), peers*each)
	}
	return nil
}

// A bill is the work of the Redis server.
type bill struct{ trips, bytes float64 }

func billOf(addr string) (b bill, err error) {
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	info, err := c.Info(context.Background(), "stats", "commandstats").Result()
	if err != nil {
		return b, err
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "cmdstat_evalsha", "cmdstat_eval", "cmdstat_blpop", "cmdstat_get":
			var calls float64
			fmt.Sscanf(value, "calls=%f", &calls)
			b.trips += calls
		case "total_net_input_bytes", "total_net_output_bytes":
			var bytes float64
			fmt.Sscan(value, &bytes)
			b.bytes += bytes
		}
	}
	return b, nil
}

// cost measures the work of the server for an event, also while 1,000 others are pending.
func cost(redis *dbserver.Server) error {
	for _, pending := range []int{0, 1000} {
		t, err := newTeam(redis, 2, 64, -1)
		if err != nil {
			return err
		}
		for i := range pending {
			if err := t.tell(10_000+i, "ask"); err != nil {
				return err
			}
		}
		t.await(pending, time.Minute)
		time.Sleep(time.Second)
		before, err := billOf(redis.Addr)
		if err != nil {
			return err
		}
		const peers, each = 100, 20
		_, err = t.flood(peers, each, 16, 20, 0)
		t.await(pending+peers*each, time.Minute)
		after, err2 := billOf(redis.Addr)
		t.stop()
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		size := float64(len(message))
		fmt.Printf("cost        %d pending: %.2f round trips and %.1f × its size per event of %d bytes, both ways\n",
			pending, (after.trips-before.trips)/(peers*each), (after.bytes-before.bytes)/(peers*each)/size, len(message))
	}
	return nil
}

// kill kills three of four processes, one after the other.
func kill(redis *dbserver.Server) error {
	t, err := newTeam(redis, 4, 32, -1)
	if err != nil {
		return err
	}
	defer t.stop()
	const peers, each = 40, 15
	told := make(map[string]time.Time)
	var mu sync.Mutex
	var sending sync.WaitGroup
	var failed error
	for peer := range peers {
		sending.Go(func() {
			for n := range each {
				err := t.tell(peer+1, fmt.Sprintf("work 1000 %d", n))
				mu.Lock()
				told[fmt.Sprint(peer+1, " ", n)] = time.Now()
				failed = errors.Join(failed, err)
				mu.Unlock()
				time.Sleep(2 * time.Second)
			}
		})
	}
	time.Sleep(600 * time.Millisecond) // the handlers of a round run meanwhile
	for range 3 {
		time.Sleep(8 * time.Second)
		victim := t.members()[0]
		victim.cmd.Process.Kill()
		<-victim.done
		t.leave(victim)
		if _, err := t.start(); err != nil {
			return err
		}
	}
	sending.Wait()
	t.await(peers*each, time.Minute)
	if err := errors.Join(failed, t.check(peers*each)); err != nil {
		return err
	}
	longest := time.Duration(0)
	for text, at := range told {
		longest = max(longest, t.at[text].Sub(at)-time.Second)
	}
	fmt.Printf("kill        3 of 4 processes: 0 of %d lost, overtaken or seen twice (%d sent again), longest delay %.1f leases\n",
		peers*each, t.again, longest.Seconds()/5)
	if longest > 10*time.Second {
		return fmt.Errorf("the longest delay is %v", longest)
	}
	return nil
}

// pause stops a process for 30 seconds, while handlers run and events wait.
func pause(redis *dbserver.Server) error {
	t, err := newTeam(redis, 2, 64, -1)
	if err != nil {
		return err
	}
	defer t.stop()
	const peers, each = 40, 15
	var sending sync.WaitGroup
	var failed error
	sending.Go(func() { _, failed = t.flood(peers, each, peers, 1000, time.Second) })
	time.Sleep(3 * time.Second)
	victim := t.members()[0]
	t.leave(victim)
	victim.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(30 * time.Second)
	victim.cmd.Process.Signal(syscall.SIGCONT)
	time.Sleep(2 * time.Second)
	t.mu.Lock()
	t.all = append(t.all, victim)
	t.mu.Unlock()
	sending.Wait()
	t.await(peers*each, time.Minute)
	if err := errors.Join(failed, t.check(peers*each)); err != nil {
		return err
	}
	fmt.Printf("pause       one of 2 processes for 30 s: 0 of %d lost, overtaken or seen twice (%d sent again)\n", peers*each, t.again)
	return nil
}

// outage pauses the server for 25 seconds, and kills it.
func outage(redis *dbserver.Server) error {
	t, err := newTeam(redis, 3, 8, -1)
	if err != nil {
		return err
	}
	defer t.stop()
	const peers, each = 40, 20
	for _, how := range []string{"paused for 25 s", "killed"} {
		had := t.total()
		var sending sync.WaitGroup
		var failed error
		first := len(t.okAfter)
		sending.Go(func() {
			_, failed = t.flood(peers, each, peers, 100, 200*time.Millisecond)
		})
		time.Sleep(2 * time.Second)
		if how == "killed" {
			redis.Kill()
			time.Sleep(5 * time.Second)
			if err := redis.Start(); err != nil {
				return err
			}
		} else {
			redis.Pause()
			time.Sleep(25 * time.Second)
			redis.Resume()
		}
		back := time.Now()
		taken := 0
		t.mu.Lock()
		taken = len(t.okAfter) - first
		t.mu.Unlock()
		caught := t.await(had+taken, 5*time.Second)
		within := time.Since(back)
		sending.Wait()
		t.await(had+peers*each, time.Minute)
		if failed != nil {
			return failed
		}
		if n := t.total() - had; n != peers*each {
			return fmt.Errorf("server %s: %d of %d events were seen", how, n, peers*each)
		}
		fmt.Printf("outage      server %s: 0 of %d lost or seen twice; those that it had were handled within a lease of its return: %v (%.1f s)\n", how, peers*each, caught, within.Seconds())
		if !caught {
			return errors.New("they were not")
		}
		t.world.mu.Lock()
		t.world.said = make(map[int][]string) // the next round has the same numbers
		t.world.mu.Unlock()
	}
	return nil
}

// ask asks 30 questions. The answers arrive at other processes.
func ask(redis *dbserver.Server) error {
	t, err := newTeam(redis, 3, 8, -1)
	if err != nil {
		return err
	}
	defer t.stop()
	const n = 30
	for i := range n {
		if err := t.tell(i+1, "ask"); err != nil {
			return err
		}
	}
	t.await(n, 10*time.Second)
	for i := range n {
		if err := t.tell(i+1, fmt.Sprint("name", i)); err != nil {
			return err
		}
	}
	t.await(2*n, 10*time.Second)
	heard := 0
	for i := range n {
		if slices.Contains(t.said[i+1], fmt.Sprint("heard name", i)) {
			heard++
		}
	}
	fmt.Printf("ask         %d of %d answers heard through other processes\n", heard, n)
	if heard < n {
		return errors.New("not all")
	}
	return nil
}

// rate makes four processes answer 600 messages as fast as VK allows.
func rate(redis *dbserver.Server) error {
	t, err := newTeam(redis, 4, 64, 20)
	if err != nil {
		return err
	}
	defer t.stop()
	const peers, each = 60, 10
	began, err := t.flood(peers, each, 16, 0, 0)
	if err != nil {
		return err
	}
	t.await(peers*each, 2*time.Minute)
	took := time.Since(began)
	if err := t.check(peers * each); err != nil {
		return err
	}
	fmt.Printf("rate        4 processes against 20 requests/s: %d refused, %.2f of the rate used, replies in order\n", t.tooMany, peers*each/took.Seconds()/20)
	if t.tooMany > 0 {
		return errors.New("calls were refused")
	}
	return nil
}

// cooldown sends twelve uses through four processes.
func cooldown(redis *dbserver.Server) error {
	t, err := newTeam(redis, 4, 8, -1)
	if err != nil {
		return err
	}
	defer t.stop()
	for i := range 12 {
		if err := t.tell(i+1, "roll"); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	fmt.Printf("cooldown    3 a minute, through 4 processes: %d of 12\n", t.total())
	if t.total() != 3 {
		return errors.New("not 3")
	}
	return nil
}

// rolling restarts all processes, one after another, while handlers take up to
// 10 s.
func rolling(redis *dbserver.Server) error {
	t, err := newTeam(redis, 3, 64, -1)
	if err != nil {
		return err
	}
	defer t.stop()
	const peers = 120
	var sending sync.WaitGroup
	var failed error
	var mu sync.Mutex
	for peer := range peers {
		sending.Go(func() {
			for n := range 5 {
				err := t.tell(peer+1, fmt.Sprintf("work %d %d", (peer*7+n*13)%100*100, n))
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
				time.Sleep(4 * time.Second)
			}
		})
	}
	for range 3 {
		time.Sleep(2 * time.Second)
		old := t.members()[0]
		if _, err := t.start(); err != nil {
			return err
		}
		old.cmd.Process.Signal(syscall.SIGTERM)
		time.Sleep(500 * time.Millisecond) // the balancer notices late
		t.leave(old)
		<-old.done
	}
	sending.Wait()
	t.await(peers*5, 2*time.Minute)
	if err := errors.Join(failed, t.check(peers*5)); err != nil {
		return err
	}
	slices.Sort(t.okAfter)
	p99 := t.okAfter[len(t.okAfter)*99/100]
	fmt.Printf("rolling     3 restarts, handlers of 0 to 10 s: %d of %d refused, p99 of ok %v\n", t.refused, peers*5, p99.Round(time.Millisecond))
	if t.refused > 0 || p99 > 100*time.Millisecond {
		return errors.New("refused or slow")
	}
	return nil
}
