package vkscript_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vkrouter/vk/internal/vkscript"
)

// A script that greets a user, run by a program that knows one method.
func Example() {
	limits := vkscript.Limits{
		Code: 10_000, Nesting: 20, Chain: 100,
		Steps: 1000, Calls: 25, Response: 100_000, Memory: 1_000_000, Depth: 20,
	}
	options := vkscript.Options{
		Args: map[string]string{"greeting": "Hello"},
		Call: func(method string, params map[string]string) (json.RawMessage, bool) {
			fmt.Println("call:", method, params)
			return json.RawMessage(`[{"first_name":"Anna"}]`), method == "users.get"
		},
	}
	for _, code := range []string{
		`var u = API.users.get({"user_ids":[1]}); return Args.greeting + ", " + u[0].first_name;`,
		`return 1 +;`,
		`while (true) {}`,
	} {
		script, err := vkscript.Parse(code, limits)
		if err != nil {
			var syntax *vkscript.SyntaxError
			fmt.Println("not compiled:", err, errors.As(err, &syntax))
			continue
		}
		result, err := script.Run(options)
		if err != nil {
			var runtime *vkscript.RuntimeError
			fmt.Println("stopped:", err, errors.As(err, &runtime))
			continue
		}
		fmt.Println("result:", string(result))
	}
	// Output:
	// call: users.get map[user_ids:1]
	// result: "Hello, Anna"
	// not compiled: expression expected, ';' found in line 1 true
	// stopped: too many operations true
}
