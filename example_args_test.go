package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// Placeholders convert the words of a message to the types of a struct's
// fields.
func ExampleCommand_types() {
	type mute struct {
		User   int64 // or vk.User, which costs a call
		For    time.Duration
		Reason *string
	}
	r := vk.NewRouter("!")
	vk.Command(r, "mute|мут {user:user} {for:duration=1h} {reason...?}", func(c *vk.Context, m mute) error {
		reason := "no reason"
		if m.Reason != nil {
			reason = *m.Reason
		}
		return c.Send(fmt.Sprintf("%d, for %s: %s", m.User, m.For, reason))
	})
	for _, text := range []string{
		"!mute @id5",
		"!mute [id5|Anna Petrova], 7d spam",
		"!мут vk.com/id5 2 часа за спам",
	} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			fmt.Println(err)
		}
		fmt.Println(rec.Text())
	}
	// Output:
	// 5, for 1h0m0s: no reason
	// 5, for 168h0m0s: spam
	// 5, for 2h0m0s: за спам
}

func ExampleRouter_Converter() {
	r := vk.NewRouter("!")
	r.Converter("size", vk.OneOf("S", "M", "L"))
	r.Converter("ip", vk.ParseFunc(netip.ParseAddr))
	r.Converter("time", vk.TimeIn(time.FixedZone("Moscow", 3*60*60))) // "15:04" is in Moscow's time

	vk.Command(r, "shirt {size:size}", func(c *vk.Context, a struct{ Size string }) error { return c.Send(a.Size) })
	vk.Command(r, "ping {host:ip}", func(c *vk.Context, a struct{ Host netip.Addr }) error { return c.Send(a.Host.String()) })
	vk.Command(r, "meet {at:time}", func(c *vk.Context, a struct{ At time.Time }) error {
		return c.Send(a.At.UTC().Format(time.DateTime))
	})
	for _, text := range []string{"!shirt m", "!shirt XXL", "!ping ::1", "!meet 31.12.2026 23:00"} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(rec.Text())
	}
	// Output:
	// M
	// vk: shirt {size:size}: usage: !shirt {size:size}: size: "XXL" is of another type
	// ::1
	// 2026-12-31 20:00:00
}

// A converter may look values up: a missing value is a mistake of the user, a
// failed lookup is not.
func ExampleConvertFunc() {
	type Order struct{ ID, Sum int }
	find := func(ctx context.Context, id string) (*Order, error) { // for example, a query of a database
		if id != "17" {
			return nil, errors.New("no rows")
		}
		return &Order{17, 300}, nil
	}
	r := vk.NewRouter("!")
	var conv vk.Converter = vk.ConvertFunc(func(c *vk.Context, id string) (*Order, error) {
		o, err := find(c, id)
		if err != nil && err.Error() == "no rows" {
			err = fmt.Errorf("%w: there is no such order", vk.ErrArgType)
		}
		return o, err
	})
	r.Converter("order", conv)
	vk.Command(r, "pay {order:order}", func(c *vk.Context, a struct{ Order *Order }) error {
		return c.Send(fmt.Sprint(a.Order.Sum))
	})

	c, rec := vktest.NewContext("!pay 17")
	r.Serve(c)
	fmt.Println(rec.Text())
	c, _ = vktest.NewContext("!pay 18")
	var wrong *vk.ArgError
	if errors.As(r.Serve(c), &wrong) {
		fmt.Println(wrong.Route.Usage()+":", wrong.Name, wrong.Err)
	}
	// Output:
	// 300
	// pay {order:order}: order is of another type: there is no such order
}

// Arguments can be used without a struct: by text, or by value.
func ExampleArg() {
	r := vk.NewRouter("!")
	r.Handle("roll {dice:int...=6}", func(c *vk.Context) error {
		dice, _ := vk.Arg[[]int](c, "dice")
		return c.Send(fmt.Sprint(c.Arg("dice"), " is ", dice))
	})
	for _, text := range []string{"!roll", "!roll 6 20 100"} {
		c, rec := vktest.NewContext(text)
		r.Serve(c)
		fmt.Println(rec.Text())
	}
	// Output:
	// 6 is [6]
	// 6 20 100 is [6 20 100]
}

// A help command can show the parameters of a route.
func ExampleRoute_Params() {
	r := vk.NewRouter("!")
	r.Converter("size", vk.OneOf("S", "M"))
	rt := r.Add(vk.Route{
		Pattern:     "buy|купить {what} {size:size=M} {count:int|word?} {notes:int...?}",
		IgnoreExtra: true, // for a word such as "please"
		Handler:     func(c *vk.Context) error { return nil },
	})
	fmt.Println(rt.Usage())
	for _, p := range rt.Params() {
		var param vk.Param = p
		b, _ := json.Marshal(param)
		fmt.Println(strings.ReplaceAll(string(b), `"`, ``))
	}
	// Output:
	// buy {what} {size:size=M} {count:int|word?} {notes:int...?}
	// {Name:what,Types:[string],Choices:null,List:false,Rest:false,Optional:false,Default:}
	// {Name:size,Types:[size],Choices:[S,M],List:false,Rest:false,Optional:true,Default:M}
	// {Name:count,Types:[int,word],Choices:null,List:false,Rest:false,Optional:true,Default:}
	// {Name:notes,Types:[int],Choices:null,List:true,Rest:false,Optional:true,Default:}
}

func ExampleQuoteError() {
	r := vk.NewRouter("!")
	r.Handle("say {a} {b?}", func(c *vk.Context) error { return nil })
	for _, text := range []string{`!say "a b`, `!say "a"b`, `!say a"b`} {
		c, _ := vktest.NewContext(text)
		var quote *vk.QuoteError
		if !errors.As(r.Serve(c), &quote) {
			continue
		}
		var kind vk.QuoteKind = quote.Kind
		switch kind {
		case vk.QuoteUnclosed:
			fmt.Printf("%c is not closed\n", quote.Rune)
		case vk.QuoteNoSpace:
			fmt.Printf("no space before %c\n", quote.Rune)
		case vk.QuoteInside:
			fmt.Printf("%c at %d, inside a word\n", quote.Rune, quote.Offset)
		}
	}
	// Output:
	// " is not closed
	// no space before b
	// " at 1, inside a word
}

func ExampleUnionError() {
	r := vk.NewRouter("!")
	r.Handle("volume {to:int|bool}", func(c *vk.Context) error { return nil })
	c, _ := vktest.NewContext("!volume 99999999999999999999")
	var union *vk.UnionError
	if errors.As(r.Serve(c), &union) {
		for i, err := range union.Errs {
			fmt.Println(union.Types[i]+":", err)
		}
	}
	// Output:
	// int: is of another type: out of range
	// bool: is of another type
}

// A handler can run another command, as if the user had sent it.
func ExampleContext_Invoke() {
	r := vk.NewRouter("!")
	roll := r.Handle("roll {sides:int=6}", func(c *vk.Context) error {
		return c.Send("A die of " + c.Arg("sides"))
	})
	r.Handle("coin", func(c *vk.Context) error { return c.Invoke(roll, "2") })
	c, rec := vktest.NewContext("!coin")
	r.Serve(c)
	fmt.Println(rec.Text())
	// Output: A die of 2
}

// Invoked returns the prefix, the command and the arguments as the user wrote
// them.
func ExampleContext_Invoked() {
	r := vk.NewRouter("!")
	r.Handle("buy|get {what...}", func(c *vk.Context) error {
		fmt.Printf("%q %q %q\n", c.Prefix(), c.Invoked(), c.Line())
		return nil
	})
	c, _ := vktest.NewContext("!get green  tea")
	r.Serve(c)
	// Output: "!" "get" "green  tea"
}

// A handler can get the pages of the message's author and of the bot.
func ExampleContext_Author() {
	r := vk.NewRouter("!")
	r.Handle("who", func(c *vk.Context) error {
		author, err := c.Author(vk.Fields("sex"))
		if err != nil {
			return err
		}
		self, err := c.Self()
		if err != nil {
			return err
		}
		return c.Send(author.Name + " wrote to " + self.Name)
	})
	c, rec := vktest.NewContext("!who")
	if err := r.Serve(c); err != nil {
		fmt.Println(err)
	}
	fmt.Println(rec.Text())
	// Output: Anna wrote to Bot
}

// A key selects the scope of the counter that a handler keeps.
func ExampleKey() {
	count := make(map[vk.Key]int)
	counted := func(by func(*vk.Context) vk.Key) {
		c, _ := vktest.NewContext("!ping")
		count[by(c)]++
	}
	counted(vk.Global)
	counted(vk.PerUser)
	counted(vk.PerUser)
	counted(vk.PerChat)
	counted(vk.PerMember)
	fmt.Println(len(count), count[vk.Key{}])
	// Output: 4 1
}
