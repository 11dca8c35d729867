package redisstore

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// listed is the number of names that List asks a server for at a time.
const listed = 256

// List implements vk.Lister. It scans all names of the database in steps.
// Between the steps, the server serves other clients. If other programs have
// millions of names, give the bot a database of its own.
func (s *Store) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	nodes, err := s.nodes(ctx)
	if err != nil {
		return s.failed(ctx, "List", err)
	}
	for _, node := range nodes {
		more, err := s.listNode(ctx, node, prefix, yield)
		if err != nil {
			return s.failed(ctx, "List", err)
		}
		if !more {
			break
		}
	}
	return nil
}

// nodes returns the servers that hold the values; each holds a part of them.
func (s *Store) nodes(ctx context.Context) ([]redis.Cmdable, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return []redis.Cmdable{s.client}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var mu sync.Mutex
	var nodes []redis.Cmdable
	err := cluster.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, c)
		return nil
	})
	return nodes, err
}

// listNode lists the values of one server. more is false if yield returned
// false.
func (s *Store) listNode(ctx context.Context, node redis.Cmdable, prefix string, yield func(string, []byte) bool) (more bool, err error) {
	pattern := escape.Replace(s.prefix+prefix) + "*"
	for cursor := uint64(0); ; {
		var names []string
		if names, cursor, err = s.scan(ctx, node, cursor, pattern); err != nil {
			return false, err
		}
		values, err := s.values(ctx, node, names)
		if err != nil {
			return false, err
		}
		for i, value := range values {
			key := names[i][len(s.prefix):]
			if key != "" && len(value) > 0 && !yield(key, value) {
				return false, nil
			}
		}
		if cursor == 0 {
			return true, nil
		}
	}
}

// escape turns a text into a pattern that matches only the text.
var escape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// scan returns the next names.
func (s *Store) scan(ctx context.Context, node redis.Cmdable, cursor uint64, pattern string) ([]string, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return node.Scan(ctx, cursor, pattern, listed).Result()
}

// values returns the values of names in one request. The value is nil if it has
// expired or is not a string.
func (s *Store) values(ctx context.Context, node redis.Cmdable, names []string) ([][]byte, error) {
	if len(names) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cmds := make([]*redis.StringCmd, len(names))
	_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			cmds[i] = p.Get(ctx, name)
		}
		return nil
	})
	values := make([][]byte, len(names))
	for i, cmd := range cmds {
		switch value, err := cmd.Bytes(); {
		case err == nil:
			values[i] = value
		case !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "WRONGTYPE"):
			return nil, err
		}
	}
	var answer redis.Error
	if err != nil && !errors.As(err, &answer) {
		return nil, err
	}
	return values, nil
}
