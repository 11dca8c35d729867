package discordsim

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/vkrouter/vk/internal/fakediscord"
)

// An id is the answer to requests that make something.
type id struct {
	ID fakediscord.ID `json:"id"`
}

func (s *Sim) addUser(b userBody) (any, error) {
	if b.Name == "" {
		return nil, bad("name is missing")
	}
	return id{s.fake.AddUser(b.Name)}, nil
}

func (s *Sim) addGuild(b guildBody) (any, error) {
	owner, err := s.user(b.Owner)
	if err != nil {
		return nil, err
	}
	return id{s.fake.AddGuild(b.Name, owner)}, nil
}

func (s *Sim) addChannel(b channelBody) (any, error) {
	guild, err := s.guild(b.Guild)
	if err != nil {
		return nil, err
	}
	if b.Name == "" {
		return nil, bad("name is missing")
	}
	return id{s.fake.AddChannel(guild, b.Type, b.Name)}, nil
}

// callAs makes a call of the API as a person and returns its answer.
func (s *Sim) callAs(as fakediscord.ID, method, path string, body any) (any, error) {
	var out json.RawMessage
	if err := s.fake.Do(as, method, path, body, &out); err != nil || out == nil {
		return nil, err
	}
	return out, nil
}

func (s *Sim) act(b actBody) (any, error) {
	as, err := s.user(b.As)
	if err != nil {
		return nil, err
	}
	var body any
	if len(b.Body) > 0 && string(b.Body) != "null" {
		body = b.Body
	}
	return s.callAs(as, b.Method, b.Path, body)
}

func (s *Sim) say(b sayBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"content": b.Text}
	if b.ReplyTo != 0 {
		body["message_reference"] = map[string]any{"message_id": b.ReplyTo}
	}
	return s.callAs(as, "POST", "/channels/"+channel.String()+"/messages", body)
}

func (s *Sim) types(b typeBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	return s.callAs(as, "POST", "/channels/"+channel.String()+"/typing", nil)
}

func (s *Sim) react(b reactBody) (any, error) {
	as, channel, err := s.place(b.As, b.Channel)
	if err != nil {
		return nil, err
	}
	method := "PUT"
	if b.Remove {
		method = "DELETE"
	}
	return s.callAs(as, method, "/channels/"+channel.String()+"/messages/"+b.Message.String()+"/reactions/"+url.PathEscape(b.Emoji)+"/@me", nil)
}

func (s *Sim) join(b memberBody) (any, error) {
	guild, user, err := s.inGuild(b.Guild, b.User)
	if err != nil {
		return nil, err
	}
	if user == s.fake.Me() {
		return nil, s.fake.AddBot(guild)
	}
	return nil, s.fake.Join(guild, user)
}

func (s *Sim) leave(b memberBody) (any, error) {
	guild, user, err := s.inGuild(b.Guild, b.User)
	if err != nil {
		return nil, err
	}
	return s.callAs(user, "DELETE", "/users/@me/guilds/"+guild.String(), nil)
}

func (s *Sim) voice(b voiceBody) (any, error) {
	guild, user, err := s.inGuild(b.Guild, b.User)
	if err != nil {
		return nil, err
	}
	channel := fakediscord.ID(0)
	if b.Channel != "" {
		if channel, err = s.channel(b.Channel, user); err != nil {
			return nil, err
		}
	}
	return nil, s.fake.Voice(guild, user, channel)
}

func (s *Sim) presence(b presenceBody) (any, error) {
	user, err := s.user(b.User)
	if err != nil {
		return nil, err
	}
	return nil, s.fake.SetPresence(user, b.Status, b.Activities)
}

func (s *Sim) outage(b outageBody) (any, error) {
	guild, err := s.guild(b.Guild)
	if err != nil {
		return nil, err
	}
	return nil, s.fake.Outage(guild, b.Down)
}

func (s *Sim) token(b tokenBody) (any, error) {
	user, err := s.user(b.User)
	if err != nil {
		return nil, err
	}
	return map[string]any{"token": s.fake.AddBearer(user, b.Accounts...)}, nil
}

func (s *Sim) emit(b emitBody) (any, error) {
	if b.Name == "" || len(b.Data) == 0 {
		return nil, bad("name and data are needed")
	}
	s.fake.Emit(b.Name, b.Data)
	return nil, nil
}

func (s *Sim) fail(b faultBody) (any, error) {
	s.fake.Fail(fakediscord.Fault{
		Call: b.Call, Skip: b.Skip, Times: b.Times, Delay: ms(b.DelayMS), Status: b.Status, RetryAfter: ms(b.RetryMS), Scope: b.Scope,
		HTML: b.HTML, Empty: b.Empty, Lost: b.Lost,
	})
	return nil, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func (s *Sim) gateway(b gatewayBody) (any, error) {
	switch b.Do {
	case "reconnect":
		s.fake.Reconnect()
	case "invalid":
		s.fake.Invalid(b.Resumable)
	case "cut":
		s.fake.Cut()
	case "close":
		if b.Code != 1000 && (b.Code < 3000 || b.Code > 4999) {
			return nil, bad("code is 1000 or from 3000 to 4999")
		}
		s.fake.CloseAll(b.Code, b.Reason)
	case "silence":
		s.fake.Silence()
	case "deaf":
		s.fake.Deaf()
	case "brick":
		s.fake.Brick(b.On)
	case "late":
		s.fake.Late(ms(b.MS))
	case "twice":
		s.fake.Twice(b.On)
	case "huge":
		if b.Bytes < 1 || b.Bytes > 200<<20 {
			return nil, bad("bytes is from 1 to 200 MiB")
		}
		s.fake.Huge(b.Bytes)
	case "garble":
		s.fake.Garble()
	case "heartbeat":
		s.fake.Heartbeat()
	default:
		return nil, bad("there is no %.100q: GET /sim lists what the gateway can do", b.Do)
	}
	return nil, nil
}
