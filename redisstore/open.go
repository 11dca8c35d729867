package redisstore

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Defaults of a Config.
const (
	defaultPrefix  = "vk:"
	defaultTimeout = 5 * time.Second
)

// A Config holds the settings of a Store.
type Config struct {
	// Redis configures the driver. It is filled from the URL. For a Cluster, set
	// several Addrs, or IsClusterMode; for Sentinels, Addrs and MasterName. Open
	// sets ContextTimeoutEnabled, and if they are zero, MaxRetries to -1 and the
	// driver's timeouts to Timeout.
	Redis redis.UniversalOptions

	// Prefix begins the names of all values. The default is "vk:". It must not
	// contain braces.
	Prefix string

	// Timeout limits the duration of each call, of each request of a List, and of
	// Open. The time that a Take waits for events does not count. The default is 5
	// seconds. It must not be negative.
	Timeout time.Duration

	// Logger receives warnings and errors about dangers to the data. The default is
	// slog.Default().
	Logger *slog.Logger
}

// Open connects to the server at a URL such as
//
//	redis://user:password@host:6379/0
//
// or rediss:// for TLS, or unix:///path. The functions change the settings before
// the Store connects. With an empty url, they must set Redis.Addrs.
//
// Open returns an error if the server does not answer, refuses the password, or is
// a read-only replica. The error never contains the password. The caller must
// Close the Store.
func Open(ctx context.Context, url string, set ...func(*Config)) (*Store, error) {
	config := Config{Prefix: defaultPrefix, Timeout: defaultTimeout}
	if err := config.parse(url); err != nil {
		return nil, err
	}
	for _, f := range set {
		f(&config)
	}
	switch {
	case len(config.Redis.Addrs) == 0:
		return nil, errors.New("redisstore: no address: give a URL such as redis://localhost:6379/0, or set Config.Redis.Addrs")
	case config.Timeout < 0:
		return nil, fmt.Errorf("redisstore: Config.Timeout is negative: %v", config.Timeout)
	case config.Timeout == 0:
		config.Timeout = defaultTimeout
	}
	if config.Prefix == "" {
		config.Prefix = defaultPrefix
	}
	if strings.ContainsAny(config.Prefix, "{}") {
		return nil, fmt.Errorf("redisstore: Config.Prefix %q has braces, which select the slot of a Cluster: use other characters", config.Prefix)
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	s := &Store{
		addr: strings.Join(config.Redis.Addrs, ","), prefix: config.Prefix,
		timeout: config.Timeout, logger: config.Logger,
	}
	s.turn.Store(time.Now().UnixMicro())
	s.client = redis.NewUniversalClient(s.options(config.Redis))
	s.waiter = redis.NewUniversalClient(s.waiterOptions(config.Redis))
	if err := s.begin(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the connections to the server. Waiting calls fail. The values
// stay on the server.
func (s *Store) Close() error {
	s.calls.close()
	err := errors.Join(s.client.Close(), s.waiter.Close())
	s.calls.wg.Wait()
	return err
}

// parse fills the settings from a URL.
func (c *Config) parse(text string) error {
	if text == "" {
		return nil
	}
	o, err := redis.ParseURL(text)
	if err != nil {
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err // without the URL and its password
		}
		return fmt.Errorf("redisstore: malformed URL: %w: want redis://user:password@host:6379/0", err)
	}
	c.Redis = redis.UniversalOptions{
		Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		ClientName: o.ClientName, Protocol: o.Protocol, MaxRetries: o.MaxRetries,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout,
		PoolSize: o.PoolSize, PoolFIFO: o.PoolFIFO, MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns,
		MaxActiveConns: o.MaxActiveConns, ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime,
	}
	if o.Network == "unix" {
		c.Redis.Dialer = func(ctx context.Context, _, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", addr)
		}
	}
	return nil
}

// options returns the driver's options for the Store.
func (s *Store) options(o redis.UniversalOptions) *redis.UniversalOptions {
	o.ContextTimeoutEnabled = true
	if o.MaxRetries == 0 {
		o.MaxRetries = -1
	}
	for _, timeout := range []*time.Duration{&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout} {
		if *timeout == 0 {
			*timeout = s.timeout
		}
	}
	if cluster := o.MasterName == "" && (len(o.Addrs) > 1 || o.IsClusterMode); !cluster {
		connected := o.OnConnect
		o.OnConnect = func(ctx context.Context, c *redis.Conn) error {
			if connected != nil {
				if err := connected(ctx, c); err != nil {
					return err
				}
			}
			s.compareData(ctx, c)
			return nil
		}
	}
	return &o
}

// maxTakes is the number of calls of Take that can block at the same time.
const maxTakes = 1000

// waiterOptions returns the driver's options for calls of Take that block. Each
// uses one connection while it blocks.
func (s *Store) waiterOptions(o redis.UniversalOptions) *redis.UniversalOptions {
	o.ReadTimeout = takes + s.timeout
	o.PoolSize, o.MinIdleConns, o.MaxActiveConns = maxTakes, 0, 0
	return s.options(o)
}

// compareData reads the random number in the database, over a new connection or
// when the Queue has lost lanes, and logs an error if it has changed. If the
// server cannot return it, no error is reported here, since the next call
// fails, too.
func (s *Store) compareData(ctx context.Context, c redis.Cmdable) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c.SetNX(ctx, s.prefix, rand.Text(), 0)
	id, err := c.Get(ctx, s.prefix).Result()
	if err != nil {
		return
	}
	s.mu.Lock()
	before := s.dataID
	s.dataID = id
	s.mu.Unlock()
	if before != "" && before != id {
		s.logger.Error("redisstore: the server has lost the store's values: sessions start empty and unfinished events are lost: enable appendonly on the server, and set maxmemory-policy noeviction",
			"addr", s.addr, "prefix", s.prefix)
	}
}

// begin checks the server at the start.
func (s *Store) begin(ctx context.Context) error {
	c, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.client.Ping(c).Err(); err != nil {
		return s.failed(ctx, "Open", err)
	}
	info, err := s.client.Info(c).Result()
	if _, refused := err.(redis.Error); refused {
		return nil // the user has no right to ask
	}
	if err != nil {
		return s.failed(ctx, "Open", err)
	}
	facts := parseInfo(info)
	if _, cluster := s.client.(*redis.ClusterClient); !cluster && facts["role"] == "slave" && facts["slave_read_only"] != "0" {
		return s.failed(ctx, "Open", errors.New("READONLY the server is a replica"))
	}
	if policy := facts["maxmemory_policy"]; policy != "noeviction" && facts["maxmemory"] != "0" && facts["maxmemory"] != "" {
		s.logger.Warn("redisstore: the server deletes values when its memory is full: set maxmemory-policy noeviction",
			"addr", s.addr, "maxmemory-policy", policy)
	}
	return nil
}

// parseInfo returns the fields of an answer to INFO.
func parseInfo(info string) map[string]string {
	facts := make(map[string]string)
	for lines := bufio.NewScanner(strings.NewReader(info)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok {
			facts[name] = value
		}
	}
	return facts
}
