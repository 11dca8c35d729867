package tolerant

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type (
	Base struct {
		ID   int `json:"id"`
		Name string
		Deep string
	}
	Owner struct {
		*Base
		Name  string // hides Base.Name
		Owner int    `json:"owner"`
	}
	Left   struct{ Both, OnlyLeft int }
	Right  struct{ Both, OnlyRight int }
	Tagged struct {
		N int `json:"Both"`
	}
	hidden struct{ Shown int }
	lost   struct{ Lost int }
	Level  int
	Node   struct {
		*Node
		Value int
	}
)

// TestFieldsAgree checks that structs of all shapes are filled as encoding/json
// fills them, for keys in exact case.
func TestFieldsAgree(t *testing.T) {
	t.Parallel()
	const in = `{"id":1,"Name":"n","Deep":"d","owner":2,"Both":3,"OnlyLeft":4,"OnlyRight":5,"Shown":6,"Level":7,
		"Value":8,"base":{"id":9},"-":10,"Skipped":11,"N":12,"Plain":13,"omit":14,"quoted":"15","private":16}`
	for name, mk := range map[string]func() any{
		"shadowing by depth": func() any { return &Owner{} },
		"embedded pointer":   func() any { return &struct{ *Base }{} },
		"named embedding": func() any {
			return &struct {
				Base `json:"base"`
				Name string
			}{}
		},
		"equals annul": func() any {
			return &struct {
				Left
				Right
			}{}
		},
		"tag wins": func() any {
			return &struct {
				Left
				Tagged
			}{}
		},
		"two tags annul": func() any {
			return &struct {
				Tagged
				Other struct{}
				B     struct{ Tagged }
			}{}
		},
		"same type twice": func() any {
			return &struct {
				A struct{ Base }
				Owner
				Left
			}{}
		},
		"unexported struct": func() any { return &struct{ hidden }{} },
		"embedded scalar":   func() any { return &struct{ Level }{} },
		"embeds itself":     func() any { return &Node{} },
		"annulled then deep": func() any {
			return &struct {
				Left
				Right
				D struct{ Both int }
			}{}
		},
		"tags": func() any {
			return &struct {
				//lint:ignore SA5008 the test covers this odd spelling
				Dash    int `json:"-,"`
				Skipped int `json:"-"`
				Plain   int `json:",omitempty"`
				Omit    int `json:"omit,omitzero"`
				Quoted  int `json:"quoted,string"`
				private int
			}{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := mk(), mk()
			if err := json.Unmarshal([]byte(in), want); err != nil {
				t.Fatal(err)
			}
			if err := Unmarshal([]byte(in), got); err != nil {
				t.Fatal(err)
			}
			all := cmp.Exporter(exportAll)
			if diff := cmp.Diff(want, got, all); diff != "" {
				t.Errorf("(-encoding/json +tolerant):\n%s", diff)
			}
		})
	}
}

// TestLooseNames: a field without a tag takes a key that differs from its name
// in case and underscores, unless the key is the name of another field.
func TestLooseNames(t *testing.T) {
	t.Parallel()
	type inner struct{ PeerID int }
	type album struct {
		Title     string
		FirstName string
		GroupID   int
		Owner_ID  int
		Exact     string
		Страна    string
		Kelvin    int
		Tagged    string `json:"tagged"`
		Option    int    `json:",omitempty"`
		inner
	}
	for _, tc := range []struct {
		name, in string
		want     album
	}{
		{"exact", `{"Title":"a"}`, album{Title: "a"}},
		{"lower case", `{"title":"a"}`, album{Title: "a"}},
		{"snake case", `{"first_name":"a","group_id":1}`, album{FirstName: "a", GroupID: 1}},
		{"underscore in the name", `{"ownerid":1}`, album{Owner_ID: 1}},
		{"not ASCII", `{"страна":"a"}`, album{Страна: "a"}},
		{"a letter that folds to ASCII", `{"Kelvin":1}`, album{Kelvin: 1}},
		{"tag with options alone", `{"option":1}`, album{Option: 1}},
		{"embedded", `{"peer_id":1}`, album{inner: inner{1}}},
		{"the last one counts", `{"title":"a","TITLE":"b"}`, album{Title: "b"}},
		{"another name", `{"titles":"a"}`, album{}},
		{"a tag is exact", `{"Tagged":"a","TAGGED":"b"}`, album{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got album
			var unknown []string
			d := Decoder{Unknown: func(path string, _ []byte) { unknown = append(unknown, path) }}
			if err := d.Unmarshal([]byte(tc.in), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(album{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (len(unknown) > 0) != (tc.want == album{}) {
				t.Errorf("unknown: %q", unknown)
			}
		})
	}
	var two struct {
		ID, Id int
		Title  string `json:"title"`
		TITLE  string
	}
	if err := Unmarshal([]byte(`{"id":1,"Id":2,"title":"a","Title":"b"}`), &two); err != nil {
		t.Fatal(err)
	}
	if two.ID != 1 || two.Id != 2 || two.Title != "a" || two.TITLE != "b" {
		t.Errorf("the nearest name: %+v", two)
	}
}

// TestUnsettable covers values that reflection cannot set.
func TestUnsettable(t *testing.T) {
	t.Parallel()
	var bent []string
	d := Decoder{Bent: collect(&bent)}
	var v struct{ *lost }
	if err := d.Unmarshal([]byte(`{"Lost":1}`), &v); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Lost"}, bent); diff != "" {
		t.Errorf("nil pointer (-want +got):\n%s", diff)
	}
	v.lost = new(lost)
	if err := d.Unmarshal([]byte(`{"Lost":1}`), &v); err != nil || v.Lost != 1 {
		t.Errorf("pointer that is set: got %d, %v", v.Lost, err)
	}
	var w struct {
		hidden `json:"hidden"`
	}
	if err := d.Unmarshal([]byte(`{"hidden":null,"Shown":1}`), &w); err != nil || w.Shown != 0 {
		t.Errorf("tagged: got %d, %v", w.Shown, err)
	}
}

// TestRest: keys without a field are stored in the field with the option
// unknown, even if no callback is set. They are reported anyway.
func TestRest(t *testing.T) {
	type inner struct {
		Rest map[string]json.RawMessage `json:",unknown"`
	}
	type outer struct {
		A int `json:"a"`
		inner
		Plain map[string]json.RawMessage `json:"plain"`
	}
	const data = `{"a":1,"b\n":[1, 2],"Rest":3,"plain":{"x":null},"b":null,"b":false}`
	want := outer{A: 1, inner: inner{map[string]json.RawMessage{"b\n": []byte("[1, 2]"), "Rest": []byte("3"), "b": []byte("false")}},
		Plain: map[string]json.RawMessage{"x": []byte("null")}}
	var got outer
	var missed []string
	d := Decoder{Unknown: func(path string, raw []byte) { missed = append(missed, path+"="+string(raw)) }}
	for _, d := range []*Decoder{{}, &d} {
		got = outer{}
		if err := d.Unmarshal([]byte(data), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %s, want %s", got.Rest, want.Rest)
		}
	}
	if s := strings.Join(missed, " "); s != "b\n=[1, 2] Rest=3 b=null b=false" {
		t.Errorf("reported %q", s)
	}
	type none struct {
		Rest map[string]string `json:",unknown"` // of another type, so an ordinary field
	}
	var n none
	if err := Unmarshal([]byte(`{"Rest":{"a":"b"},"c":1}`), &n); err != nil || n.Rest["a"] != "b" || len(n.Rest) != 1 {
		t.Errorf("%v, %v", n, err)
	}
}
