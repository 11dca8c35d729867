package vk_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/vkrouter/vk"
)

// soleStore is a Store in a database that no other process uses.
type soleStore struct{ vk.Store }

func (soleStore) Exclusive() bool { return true }

// A Store of your own can tell the Dispatcher that no other process uses it. Then
// the Dispatcher does not claim each event in the Store.
func ExampleStore_exclusive() {
	var database vk.Store = new(vk.MemoryStore) // for instance a Store over SQLite
	store := soleStore{database}
	d := &vk.Dispatcher{Handler: vk.NewRouter("!"), Store: store}
	defer d.Stop(context.Background())
	fmt.Println(store.Exclusive())
	// Output: true
}

// A Store can keep other things as well: who may do what only one may do, for
// instance, and for how long.
func ExampleStore() {
	var store vk.Store = new(vk.MemoryStore)
	ctx := context.Background()
	try := func(who string) {
		ok, err := store.Swap(ctx, "digest of today", nil, []byte(who), time.Hour)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(who, ok)
	}
	try("first process")
	try("second process")
	who, err := store.Get(ctx, "digest of today")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s sends it\n", who)
	// Output:
	// first process true
	// second process false
	// first process sends it
}
