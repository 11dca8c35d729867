package discord

import "fmt"

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
