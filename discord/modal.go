package discord

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/vkrouter/vk/internal/command"
)

// A Form is a window with inputs, which [Context.Open] shows to a user. Discord
// calls it a modal. [Submit] adds the route for the submitted texts.
type Form struct {
	ID     CommandLine // the command that is run when the form is sent
	Title  string      // at most 45 characters
	Inputs []Input     // 1 to 5
}

// An Input is a field of a [Form] for a text.
type Input struct {
	Name        string // by which [Submit] finds the text
	Label       string // above the field, at most 45 characters
	Long        bool   // several lines
	Optional    bool   // it may be left empty
	Value       string // that stands in the field at first, at most 4,000 characters
	Placeholder string // shown in the empty field, at most 100 characters
	Min, Max    int    // characters that the text has at least and at most; zero for no limit but Discord's 4,000
}

// The limits of forms, in characters unless it says otherwise.
const (
	maxTitle       = 45
	maxInputs      = 5 // inputs
	maxInput       = 4000
	maxInputLabel  = 45
	maxInputShadow = 100
)

// A formBody is a form as Discord takes it.
type formBody struct {
	CustomID   string          `json:"custom_id"`
	Title      string          `json:"title"`
	Components []componentBody `json:"components"`
}

// body returns the form as Discord takes it, or the mistake in it.
func (f *Form) body() (*formBody, error) {
	body := &formBody{CustomID: f.ID.line, Title: f.Title}
	err := f.ID.check("custom_id")
	if err == nil && f.Title == "" {
		err = misuse("title", "is empty", "give the form a Title")
	}
	if err == nil {
		err = tooLong("title", f.Title, maxTitle)
	}
	if err == nil && len(f.Inputs) == 0 {
		err = misuse("components", "is empty", "give the form 1 to 5 Inputs")
	}
	if err == nil {
		err = tooMany("components", len(f.Inputs), maxInputs)
	}
	names := make(map[string]bool)
	for i := range f.Inputs {
		if err != nil {
			break
		}
		in, path := &f.Inputs[i], fmt.Sprintf("components[%d].components[0]", i)
		if name := inputName(in.Name); names[name] {
			err = misuse(path+".custom_id", "is that of another input", "give each input a Name of its own")
			break
		} else {
			names[name] = true
		}
		style, required := Style(1), !in.Optional
		if in.Long {
			style = 2
		}
		err = in.check(path)
		body.Components = append(body.Components, componentBody{Type: componentRow, Components: []componentBody{{
			Type: componentInput, CustomID: in.Name, Label: in.Label, Style: style, Required: &required,
			Value: in.Value, Placeholder: in.Placeholder, MinLength: in.Min, MaxLength: in.Max,
		}}})
	}
	return body, err
}

// check returns the mistake in an input.
func (in *Input) check(path string) error {
	switch {
	case in.Name == "":
		return misuse(path+".custom_id", "is empty", "give the input a Name")
	case in.Label == "":
		return misuse(path+".label", "is empty", "give the input a Label")
	case in.Min < 0 || in.Max < 0 || in.Min > maxInput || in.Max > maxInput || in.Max != 0 && in.Min > in.Max:
		return misuse(path+".min_length", fmt.Sprintf("and max_length are %d and %d", in.Min, in.Max), "let them be 0 to 4000, and Max at least Min")
	}
	for _, err := range []error{
		tooLong(path+".custom_id", in.Name, maxCustomID), tooLong(path+".label", in.Label, maxInputLabel),
		tooLong(path+".value", in.Value, maxInput), tooLong(path+".placeholder", in.Placeholder, maxInputShadow),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// lookForm determines whether an event is the form with an ID.
func lookForm(c *Context, m *match, id string) finding {
	if c.inv.answer == nil {
		if m != nil && m.to != nil && m.to.route != nil {
			return finding{interest: interrupts}
		}
		return finding{}
	}
	i, d, err := c.inv.answer.decoded()
	switch {
	case err != nil:
	case i.Type == InteractionModal && d.CustomID == id:
		return finding{interest: consumes}
	case i.Type == InteractionCommand && m != nil && m.to != nil:
		return finding{interest: interrupts}
	}
	return finding{}
}

// readForm fills a struct with the inputs of a form that was sent.
func readForm[A any](a *Context, id, title string, inputs []command.Param, bound command.Binding, values A) (A, *Context, error) {
	d := a.data()
	if d == nil {
		return values, a, errors.New("discord: OpenAsk: the form cannot be read")
	}
	rt := &Route{Submit: id, params: inputs, inputs: inputs, bound: bound}
	rt.target = &target{route: rt}
	m := &match{to: rt.target, whole: id, byName: true, named: d.inputs()}
	args, err := a.withMatch(m).parseArgs()
	if wrong := (*ArgError)(nil); errors.As(err, &wrong) {
		wrong.Route, wrong.Usage = nil, fmt.Sprintf("form %q", title) // it has no route
	}
	if err != nil {
		return values, a, err
	}
	bound.Fill(reflect.ValueOf(&values).Elem(), args)
	return values, a, nil
}
