package refusal

import (
	"errors"
	"slices"
	"testing"
)

var (
	errFailed = errors.New("failed")
	errPlace  = error(&Refusal{Reason: "only there"})
	errTold   = error(&Refusal{Reason: "Only on Mondays.", Tell: "Only on Mondays."})
)

func returns(err error) func(int) error { return func(int) error { return err } }

func TestChecks(t *testing.T) {
	for _, tt := range []struct {
		name    string
		f       func(int) error
		want    []error // that the result is; none if it allows
		refused bool
	}{
		{"all of none", All[int]([]func(int) error{}), nil, false},
		{"all", All[int]([]func(int) error{returns(nil), returns(errPlace), returns(errFailed)}), []error{errPlace, ErrRefused}, true},
		{"any of none", Any[int]([]func(int) error{}), []error{errNoChecks}, true},
		{"any", Any[int]([]func(int) error{returns(errPlace), returns(nil)}), nil, false},
		{"none", Any[int]([]func(int) error{returns(errPlace), returns(errTold)}), []error{errPlace, errTold, ErrRefused}, true},
		{"none, for one fails", Any[int]([]func(int) error{returns(errPlace), returns(errFailed)}), []error{errFailed}, false},
		{"not allowed", Not[int](returns(nil)), []error{Forbidden}, true},
		{"not refused", Not[int](returns(errPlace)), nil, false},
		{"not failed", Not[int](returns(errFailed)), []error{errFailed}, false},
		{"not none", Not[int](Any[int]([]func(int) error{returns(errPlace)})), nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.f(0)
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			}
			if (err == nil) != (len(tt.want) == 0) || err != nil && Only(err) != tt.refused {
				t.Errorf("%v, only refusals: %v", err, Only(err))
			}
		})
	}
}

func TestSort(t *testing.T) {
	place := func(err error) (string, bool, bool) {
		switch {
		case errors.Is(err, errPlace):
			return "there", false, true
		case errors.Is(err, errFailed):
			return "Broken.", true, true
		}
		return "", false, false
	}
	for _, tt := range []struct {
		name         string
		errs         []error
		places, told []string
		known        bool
	}{
		{"each once", []error{errPlace, errTold, &NoneError{[]error{errTold, errPlace}}}, []string{"there"}, []string{"Only on Mondays."}, true},
		{"a text that is told", []error{errFailed}, nil, []string{"Broken."}, true},
		{"no place", []error{Forbidden}, nil, nil, true},
		{"unknown", []error{errors.New("x")}, nil, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			places, told, known := Sort(tt.errs, place)
			if !slices.Equal(places, tt.places) || !slices.Equal(told, tt.told) || known != tt.known {
				t.Errorf("%q %q %v", places, told, known)
			}
		})
	}
}

func TestNilCheck(t *testing.T) {
	defer func() {
		if v := recover(); v != "middleware: Any: nil check" {
			t.Errorf("panic: %v", v)
		}
	}()
	Any[int]([]func(int) error{nil})
}
