package fakevk

import (
	"slices"
	"strings"
)

func init() {
	register("storage.get", anyToken, scopeNone, (*call).storageGet)
	register("storage.getKeys", anyToken, scopeNone, (*call).storageGetKeys)
	register("storage.set", anyToken, scopeNone, (*call).storageSet)
}

const (
	maxStorageKey    = 100    // characters
	maxStorageKeys   = 1000   // per user, and per call
	maxStorageValue  = 4096   // characters
	maxStorageOwners = 10_000 // users with variables
)

// A storage holds the variables of one user, or those of the application that
// belong to no user.
type storage struct {
	keys   []string // in the order in which they were set
	values map[string]string
}

// storageOwner returns the owner of the variables: the token's user or the user
// that the call names. 0 stands for the application.
func (c *call) storageOwner() int64 {
	if c.token.kind == userToken {
		return c.token.owner
	}
	return c.intIn("user_id", 0, 0, 1<<62)
}

// storageKey returns key. It ends the call unless key consists of letters,
// digits, hyphens and underscores.
func (c *call) storageKey(key string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if key == "" || len(key) > maxStorageKey || strings.Trim(key, letters) != "" {
		c.abort(invalid("key is invalid"))
	}
	return key
}

// storageGet returns the values in the order of the call's keys; an unset key
// has an empty value.
func (c *call) storageGet() (any, *apiError) {
	names := c.list("keys", maxStorageKeys)
	if c.has("key") {
		names = append([]string{c.str("key")}, names...)
	}
	if len(names) == 0 {
		return nil, invalid("key is undefined")
	}
	type value struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	of := c.w.storage[c.storageOwner()]
	list := []value{}
	for _, key := range names {
		v := value{Key: c.storageKey(key)}
		if of != nil {
			v.Value = of.values[key]
		}
		list = append(list, v)
	}
	return list, nil
}

func (c *call) storageGetKeys() (any, *apiError) {
	offset, count := c.intIn("offset", 0, 0, 1<<31), c.intIn("count", 100, 0, maxStorageKeys)
	of := c.w.storage[c.storageOwner()]
	if of == nil {
		return []string{}, nil
	}
	return append([]string{}, page(of.keys, offset, count)...), nil
}

// storageSet deletes a variable that is set to an empty value.
func (c *call) storageSet() (any, *apiError) {
	c.require("key")
	owner, key := c.storageOwner(), c.storageKey(c.str("key"))
	value := c.strMax("value", maxStorageValue)
	of := c.w.storage[owner]
	if value == "" {
		if of != nil {
			delete(of.values, key)
			of.keys = slices.DeleteFunc(of.keys, func(k string) bool { return k == key })
		}
		return 1, nil
	}
	if of == nil {
		if len(c.w.storage) >= maxStorageOwners {
			return nil, fail(codeLimits)
		}
		of = &storage{values: make(map[string]string)}
		c.w.storage[owner] = of
	}
	if _, known := of.values[key]; !known {
		if len(of.keys) >= maxStorageKeys {
			return nil, fail(codeLimits)
		}
		of.keys = append(of.keys, key)
	}
	of.values[key] = value
	c.w.touch()
	return 1, nil
}
