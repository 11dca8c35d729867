package discordsim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/vkrouter/vk/internal/fakediscord"
)

// patience is how long requests wait for a button, a menu or a form that is about
// to come, and for choices.
const patience = 5 * time.Second

type (
	endpointBody struct {
		URL string `json:"url"`
	}
	slashBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Command string         `json:"command"`
		Options map[string]any `json:"options,omitempty"`
	}
	completeBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Command string         `json:"command"`
		Option  string         `json:"option"`
		Options map[string]any `json:"options"`
	}
	menuBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Command string         `json:"command"`
		User    string         `json:"user,omitempty"`
		Message fakediscord.ID `json:"message,omitzero"`
	}
	pressBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Message fakediscord.ID `json:"message,omitzero"`
		Button  string         `json:"button"`
	}
	pickBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Message fakediscord.ID `json:"message,omitzero"`
		Menu    string         `json:"menu"`
		Values  []any          `json:"values"`
	}
	fillBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Fields  map[string]any `json:"fields"`
	}
	localeBody struct {
		User   string `json:"user"`
		Locale string `json:"locale"`
	}
)

// interactions returns the requests for commands and components.
func (s *Sim) interactions() []endpoint {
	return []endpoint{
		get("/sim/commands", "the commands that the client offers to ?as= in ?channel=", s.commands),
		post("/sim/endpoint", "interactions go to an address, after the check of the endpoint that Discord makes; without one, to the gateway", endpointBody{"http://127.0.0.1:8080/"}, s.endpoint),
		post("/sim/locale", "the language of a person's client", localeBody{"Anna", "ru"}, s.locale),
		post("/sim/slash", "a person uses a slash command; a file is {\"name\",\"data\"} with base64", slashBody{"Anna", "general", "ban", map[string]any{"user": "Boris"}}, s.slash),
		post("/sim/menu", "a person uses a command in the menu of a user or a message", menuBody{"Anna", "general", "Report", "Boris", 1}, s.menu),
		waiting("/sim/complete", "a person types into an option of a slash command; returns the choices", completeBody{"Anna", "general", "play", "song", map[string]any{"song": "ro"}}, s.complete),
		waiting("/sim/press", "a person presses a button, by its label or custom ID, on a message or the latest one that has it", pressBody{"Anna", "general", 1, "Yes"}, s.press),
		waiting("/sim/pick", "a person chooses values in a menu, by its placeholder or custom ID", pickBody{"Anna", "general", 1, "Colour", []any{"Red"}}, s.pick),
		waiting("/sim/fill", "a person fills in the form that has opened and sends it; fields by their labels or custom IDs", fillBody{"Anna", "general", map[string]any{"Question": "Tea?"}}, s.fill),
	}
}

// waiting is an endpoint like post that may wait for the bot.
func waiting[T any](path, about string, example T, do func(context.Context, T) (any, error)) endpoint {
	return endpoint{method: "POST", path: path, about: about, body: example, serve: func(r *http.Request) (any, error) {
		var body T
		if err := read(r, &body); err != nil {
			return nil, err
		}
		return do(r.Context(), body)
	}}
}

// An interaction is the answer to requests that begin one.
type interaction struct {
	Interaction fakediscord.ID `json:"interaction"`
}

func (s *Sim) commands(r *http.Request) (any, error) {
	as, channel, err := s.place(r.FormValue("as"), r.FormValue("channel"))
	if err != nil {
		return nil, err
	}
	offers, err := s.fake.Offers(as, channel)
	return map[string]any{"commands": offers}, err
}

func (s *Sim) endpoint(b endpointBody) (any, error) {
	return nil, s.fake.SetEndpoint(context.Background(), nil, b.URL)
}

func (s *Sim) locale(b localeBody) (any, error) {
	user, err := s.user(b.User)
	if err == nil {
		s.fake.Speaks(user, b.Locale)
	}
	return nil, err
}

// begin returns the answer to a request that has begun an interaction.
func begin(id fakediscord.ID, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return interaction{id}, nil
}

func (s *Sim) slash(b slashBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	return begin(s.fake.Slash(as, channel, b.Command, b.Options))
}

func (s *Sim) menu(b menuBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	if b.Message != 0 {
		return begin(s.fake.MessageMenu(as, channel, b.Command, b.Message))
	}
	target, err := s.user(b.User)
	if err != nil {
		return nil, err
	}
	return begin(s.fake.UserMenu(as, channel, b.Command, target))
}

// until waits until ok reports true, at most as long as its patience is.
func (s *Sim) until(ctx context.Context, ok func() bool) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		changed := s.fake.Changed()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-late.C:
			return nil
		case <-ctx.Done():
			return bad("the client has gone")
		case <-s.done:
			return &failure{http.StatusServiceUnavailable, "closed", "the server closes"}
		}
	}
}

// does does something as soon as the thing that it needs is there.
func (s *Sim) does(ctx context.Context, do func() (fakediscord.ID, error)) (any, error) {
	var id fakediscord.ID
	var err error
	ended := s.until(ctx, func() bool {
		id, err = do()
		refusal := (*fakediscord.ClientError)(nil)
		return !errors.As(err, &refusal) || !refusal.Absent
	})
	if ended != nil {
		return nil, ended
	}
	return begin(id, err)
}

func (s *Sim) press(ctx context.Context, b pressBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	return s.does(ctx, func() (fakediscord.ID, error) { return s.fake.Press(as, channel, b.Message, b.Button) })
}

func (s *Sim) pick(ctx context.Context, b pickBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	return s.does(ctx, func() (fakediscord.ID, error) { return s.fake.Pick(as, channel, b.Message, b.Menu, b.Values) })
}

func (s *Sim) fill(ctx context.Context, b fillBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	return s.does(ctx, func() (fakediscord.ID, error) { return s.fake.Fill(as, channel, b.Fields) })
}

func (s *Sim) complete(ctx context.Context, b completeBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	id, err := s.fake.Complete(as, channel, b.Command, b.Option, b.Options)
	if err != nil {
		return nil, err
	}
	var h fakediscord.Happening
	ok := false
	if err := s.until(ctx, func() bool {
		h, ok = s.fake.Next(0, func(h *fakediscord.Happening) bool {
			return h.Interaction == id && (h.Kind == fakediscord.HappeningChoices || h.Kind == fakediscord.HappeningNoResponse)
		})
		return ok
	}); err != nil {
		return nil, err
	}
	if !ok || h.Kind == fakediscord.HappeningNoResponse {
		return nil, &failure{http.StatusConflict, "no_response", "the bot did not respond"}
	}
	return map[string]json.RawMessage{"choices": h.Choices}, nil
}
