package vkotel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	vkotel "github.com/vkrouter/vk/otel"
	"github.com/vkrouter/vk/vktest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A backend stores the reported metrics and spans.
type backend struct {
	*vkotel.Telemetry
	spans  *tracetest.InMemoryExporter
	reader *sdkmetric.ManualReader
}

func newBackend(t *testing.T) *backend {
	b := &backend{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	tel, err := vkotel.New(vkotel.Config{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.reader)),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Telemetry = tel
	return b
}

// start starts a bot that reports to the backend.
func (b *backend) start(t *testing.T, r *vk.Router) *vktest.Server {
	t.Helper()
	s := vktest.New(t)
	client := s.Client()
	client.Observer = b.Observe
	client.Use(b.Call)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	p := &vk.Poller{Client: client, Handler: vk.Wrap(r, b.Handle), Ready: func(int64) { close(ready) }}
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-ready
	return s
}

// metrics returns the sums and the counts of histograms, by name and attributes.
func (b *backend) metrics(t *testing.T) map[string]int64 {
	var data metricdata.ResourceMetrics
	if err := b.reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]int64)
	add := func(name string, set attribute.Set, n int64) {
		var parts []string
		for _, kv := range set.ToSlice() {
			if kv.Key != "messaging.system" && kv.Key != "rpc.system.name" {
				parts = append(parts, string(kv.Key)+"="+kv.Value.Emit())
			}
		}
		slices.Sort(parts)
		all[name+" "+strings.Join(parts, " ")] = n
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, int64(p.Count))
				}
			}
		}
	}
	return all
}

// TestSpans: calls are in the span of their handler, retries are events of the call's span,
// and failures have a status and a type.
func TestSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t)
		r := vk.NewRouter("!")
		r.Use(b.Handle)
		r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
		r.Handle("fail", func(c *vk.Context) error { return errors.New("oh") })
		s := b.start(t, r)
		anna := s.User("Anna")
		s.Fail("messages.send", vktest.Error(vk.CodeServer), vktest.Times(1))
		anna.Says("!ping")
		anna.Hears("pong")
		anna.Says("!fail")
		synctest.Wait()

		spans := b.spans.GetSpans()
		find := func(name string, nth int) tracetest.SpanStub {
			for _, span := range spans {
				if span.Name == name {
					if nth == 0 {
						return span
					}
					nth--
				}
			}
			t.Fatalf("no span %q among %d", name, len(spans))
			return tracetest.SpanStub{}
		}
		send, route, event := find("messages.send", 0), find("ping", 0), find("process message_new", 0)
		if send.Parent.SpanID() != route.SpanContext.SpanID() || route.Parent.SpanID() != event.SpanContext.SpanID() {
			t.Error("the spans are not in each other")
		}
		if len(send.Events) != 1 || send.Events[0].Name != "retry" || send.Status.Code == codes.Error {
			t.Errorf("events %v, status %v", send.Events, send.Status)
		}
		failed := find("fail", 0)
		if failed.Status.Code != codes.Error || !slices.Contains(failed.Attributes, attribute.String("error.type", "other")) {
			t.Errorf("status %v, attributes %v", failed.Status, failed.Attributes)
		}
		for _, span := range spans {
			for _, kv := range span.Attributes {
				if v := kv.Value.Emit(); strings.Contains(v, "pong") || strings.Contains(v, s.Token) {
					t.Errorf("%s has %s=%s", span.Name, kv.Key, v)
				}
			}
		}
	})
}

// TestMetrics: each metric counts the things in its description.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t)
		r := vk.NewRouter("!")
		r.Handle("ask", func(c *vk.Context) error {
			a, err := c.Ask("Well?")
			if err != nil {
				return err
			}
			return a.Send("Yes.")
		})
		s := b.start(t, r)
		anna := s.User("Anna")
		s.Fail("messages.send", vktest.Error(vk.CodeServer), vktest.Times(1))
		anna.Says("!ask")
		anna.Hears("Well?")
		time.Sleep(time.Minute)
		got := b.metrics(t)
		for name, want := range map[string]int64{
			"vk.events.active ":   1,
			"vk.handlers.parked ": 1,
			"vk.call.retries error.type=10 rpc.method=messages.send":                                        1,
			"messaging.client.consumed.messages messaging.operation.name=process vk.event.kind=message_new": 1,
		} {
			if got[name] != want {
				t.Errorf("%s: %d, want %d", name, got[name], want)
			}
		}
		anna.Says("so")
		anna.Hears("Yes.")
		synctest.Wait()
		got = b.metrics(t)
		for name, want := range map[string]int64{
			"vk.events.active ":   0,
			"vk.handlers.parked ": 0,
			"rpc.client.call.duration error.type=10 rpc.method=messages.send":                                    1,
			"rpc.client.call.duration rpc.method=messages.send":                                                  2,
			"vk.call.wait.duration rpc.method=messages.send":                                                     3,
			"vk.event.wait.duration messaging.operation.name=process vk.event.kind=message_new":                  2,
			"messaging.process.duration messaging.operation.name=process vk.event.kind=message_new vk.route=ask": 1,
			"messaging.client.consumed.messages messaging.operation.name=process vk.event.kind=message_new":      2,
		} {
			if got[name] != want {
				t.Errorf("%s: %d, want %d\n%v", name, got[name], want, got)
			}
		}
		polls := got["messaging.client.operation.duration messaging.operation.name=poll messaging.operation.type=receive"]
		if polls < 3 {
			t.Errorf("%d polls", polls)
		}
	})
}

// TestDispatcherAlone: events without a Client are counted by the Dispatcher's Observer.
func TestDispatcherAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t)
		d := &vk.Dispatcher{Observer: b.Observe, Handler: vk.HandlerFunc(func(*vk.Context) error { return vk.ErrStopped })}
		e, err := vk.NewMessageEvent(1, &vk.Message{PeerID: 1, FromID: 1, Text: "hi"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Dispatch(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := b.metrics(t)
		if n := got["messaging.process.duration error.type=canceled messaging.operation.name=process vk.event.kind=message_new"]; n != 1 {
			t.Errorf("%v", got)
		}
	})
}

// A refusingProvider refuses instruments.
type refusingProvider struct{ noop.MeterProvider }

type refusingMeter struct{ noop.Meter }

func (refusingProvider) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

func (refusingMeter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, fmt.Errorf("no %s", name)
}

// TestNewError: the error names each rejected instrument.
func TestNewError(t *testing.T) {
	_, err := vkotel.New(vkotel.Config{MeterProvider: refusingProvider{}})
	if err == nil || !strings.Contains(err.Error(), "no vk.call.retries") || !strings.Contains(err.Error(), "no messaging.client.consumed.messages") {
		t.Error(err)
	}
}

// TestErrorTypes: error.type has only a few values.
func TestErrorTypes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&vk.Error{Code: vk.CodeFlood}, "9"},
		{fmt.Errorf("so: %w", context.DeadlineExceeded), "timeout"},
		{context.Canceled, "canceled"},
		{vk.ErrStopped, "canceled"},
		{errors.New("x"), "other"},
	} {
		b := newBackend(t)
		h := b.Handle(func(*vk.Context) error { return tt.err })
		c, _ := vktest.NewContext("hi")
		if err := h(c); err != tt.err {
			t.Errorf("%v becomes %v", tt.err, err)
		}
		span := b.spans.GetSpans()[0]
		if !slices.Contains(span.Attributes, attribute.String("error.type", tt.want)) {
			t.Errorf("%v: %v, want %s", tt.err, span.Attributes, tt.want)
		}
	}
}
