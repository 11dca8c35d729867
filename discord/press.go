package discord

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/command"
)

// A CommandLine is the command behind a [Button], a [Menu] or a [Form], with its
// arguments. [Cmd] makes one. Discord calls it the custom_id.
type CommandLine struct {
	line string
	err  error
}

// Cmd returns the CommandLine of a command and its arguments: a press of the
// button runs the route that [Router.Press] has added for the command.
//
//	discord.Button{Label: "Yes", ID: discord.Cmd("vote", 5, "yes")} // vote 5 yes
//
// The command is written as it is, and may be several words. Each argument
// becomes one word, in quotation marks if it needs them, and a placeholder such
// as {n:int} gets the argument back unchanged. An argument is a string, a
// number, a boolean, or a value with a MarshalText or String method. Anything
// else is an error when the button is sent, and so are more than 100
// characters.
//
// Users can read the CommandLine with a modified app, but they cannot change
// it.
func Cmd(cmd string, args ...any) CommandLine {
	cmd = strings.TrimSpace(cmd)
	if cmd == "" {
		return CommandLine{err: errors.New("Cmd has no command")}
	}
	line := []byte(cmd)
	for i, arg := range args {
		err := errors.New("a Secret is not sent")
		switch arg.(type) {
		case Secret, *Secret:
		default:
			line, err = command.AppendArg(line, arg)
		}
		if err != nil {
			return CommandLine{err: fmt.Errorf("Cmd, argument %d: %w", i+1, err)}
		}
	}
	return CommandLine{line: string(line)}
}

// String returns the line, or "" if Cmd was given something that it does not take.
func (l CommandLine) String() string { return l.line }

// maxCustomID is how many characters Discord takes.
const maxCustomID = 100

// check returns the mistake in the line of a field.
func (l CommandLine) check(field string) error {
	switch {
	case l.err != nil:
		return &ConfigError{Field: field, Text: field + ": " + l.err.Error(), Mend: "give Cmd a command, and strings or numbers for arguments", Err: nil}
	case l.line == "":
		return misuse(field, "is empty", "make it with Cmd")
	}
	return tooLong(field, l.line, maxCustomID)
}

// Press adds a route for presses of buttons and choices in menus: those with an
// ID that is a [CommandLine] of the pattern's words. The pattern is like that
// of [Router.Handle], but users do not see it: its words match neither typed
// nor slash commands, and the other way round. The words of the surrounding
// routers come before it.
//
//	r.Press("vote {poll:int} {choice}", vote)
//
// The choices of a [Menu] come behind its CommandLine, a word for each: the
// pattern "roles {roles:role...}" is for a menu of roles with the ID
// Cmd("roles"). [Context.Picked] returns the choices, too.
//
// A press that matches no route, or has invalid arguments, comes from a button
// that an older version of the bot has sent. It ends in a [*NotFoundError] or
// an [*ArgError], and the library tells the user, unless middleware answers.
func (r *Router) Press(pattern string, h HandlerFunc, mw ...Middleware) *Route {
	return r.addRoute(Route{Press: notEmpty(pattern), Use: mw, Handler: h}, callers(1))
}

// Submit adds a route for forms that were sent: those with an ID that is a [CommandLine] of the
// pattern's words; see [Router.Press]. The handler gets the placeholders of the pattern and
// the inputs of the [Form] in a struct: each fills the field of its name, without regard to
// case and underscores.
//
//	discord.Submit(r, "edit {id:int}", func(c *discord.Context, a struct {
//		ID    int    // of Cmd("edit", 5)
//		Title string // of Input{Name: "title"}
//	}) error {
//
// The field of an input is a string, a number, a bool, a [time.Duration], a [time.Time], a
// [net/url.URL], or a type with an UnmarshalText method. A text that does not convert is an
// [*ArgError], and the handler does not run. An empty input leaves its field zero. Inputs
// without a field are in [Context.Input].
func Submit[A any](r *Router, pattern string, h func(*Context, A) error, mw ...Middleware) *Route {
	rt, place := Route{Submit: notEmpty(pattern), Use: mw}, callers(1)
	p, err := r.parsePattern(strings.TrimSpace(r.path + " " + pattern))
	if err == nil {
		rt.inputs, err = r.inputsOf(reflect.TypeFor[A](), p.Params)
	}
	if err == nil {
		rt.bound, err = command.Bind(reflect.TypeFor[A](), append(slices.Clip(p.Params), rt.inputs...))
	}
	if err != nil {
		panic(registrationError(rt.label(), place, err))
	}
	if bound := rt.bound; h != nil {
		rt.Handler = bind(bound, h)
	}
	return r.addRoute(rt, place)
}

// bind returns the handler of a route with its arguments in a struct.
func bind[A any](bound command.Binding, h func(*Context, A) error) HandlerFunc {
	return func(c *Context) error {
		var a A
		values, err := c.parseArgs()
		if err != nil {
			return err
		}
		bound.Fill(reflect.ValueOf(&a).Elem(), values)
		return h(c, a)
	}
}

// inputsOf returns placeholders for the fields of a form's struct that the pattern has none
// for.
func (r *Router) inputsOf(t reflect.Type, params []command.Param) ([]command.Param, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the inputs are of type %s, which is no struct", t)
	}
	var inputs []command.Param
	for i := range t.NumField() {
		f := t.Field(i)
		name := inputName(f.Name)
		if !f.IsExported() || slices.ContainsFunc(params, func(p command.Param) bool { return inputName(p.Name) == name }) {
			continue
		}
		kind, ok := inputType(f.Type)
		if !ok {
			return nil, fmt.Errorf("the field %s is of type %s, which no input fills", f.Name, f.Type)
		}
		conv := builtinTypes[kind].conv
		inputs = append(inputs, command.Param{
			Name: name, Types: []string{kind}, Converters: []command.Converter{conv}, Optional: true, Rest: kind == "string",
		})
	}
	return inputs, nil
}

// missingInput returns the error of a field that no input of a form fills.
func missingInput(given []Input, fields []command.Param) *ConfigError {
	for _, f := range fields {
		if !slices.ContainsFunc(given, func(in Input) bool { return inputName(in.Name) == f.Name }) {
			return misuse("Form.Inputs", fmt.Sprintf("has no input for the field %q of the struct", f.Name), "give an Input this Name, or leave out the field")
		}
	}
	return nil
}

// inputName returns a name without case and underscores.
func inputName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// inputType returns the type of an input for a field.
func inputType(t reflect.Type) (name string, ok bool) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration", true
	case t == reflect.TypeFor[time.Time]():
		return "time", true
	}
	if _, ok := builtinTypes["string"].conv.For(t); ok {
		return "string", true
	}
	for _, name := range []string{"int", "float", "bool", "url"} {
		if _, ok := builtinTypes[name].conv.For(t); ok {
			return name, true
		}
	}
	return "", false
}

// UserMenu adds a command to the menu that Discord's apps show for a user,
// under Apps. The name is 1 to 32 characters, as users see it. The handler gets
// the user; its Member is set in guilds. UserMenu panics where [Router.Handle]
// does.
func (r *Router) UserMenu(name string, h func(c *Context, u *User) error, mw ...Middleware) *Route {
	rt := Route{UserMenu: notEmpty(name), Use: mw}
	if h != nil {
		rt.Handler = func(c *Context) error {
			u, err := c.targetUser()
			if err != nil {
				return err
			}
			return h(c, u)
		}
	}
	return r.addRoute(rt, callers(1))
}

// MessageMenu adds a command to the menu that Discord's apps show for a message, under Apps;
// see [Router.UserMenu]. The handler gets the message, with its text.
func (r *Router) MessageMenu(name string, h func(c *Context, m *Message) error, mw ...Middleware) *Route {
	rt := Route{MessageMenu: notEmpty(name), Use: mw}
	if h != nil {
		rt.Handler = func(c *Context) error {
			m, err := c.targetMessage()
			if err != nil {
				return err
			}
			return h(c, m)
		}
	}
	return r.addRoute(rt, callers(1))
}
