package vkotel

import (
	"context"
	"errors"

	"github.com/vkrouter/vk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// instruments are the metrics.
type instruments struct {
	consumed  metric.Int64Counter
	processed metric.Float64Histogram
	polled    metric.Float64Histogram
	called    metric.Float64Histogram
	eventWait metric.Float64Histogram
	callWait  metric.Float64Histogram
	retries   metric.Int64Counter
	active    metric.Int64UpDownCounter
	parked    metric.Int64UpDownCounter
}

// The bucket boundaries of histograms, in seconds.
var seconds = metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

func (i *instruments) make(m metric.Meter) error {
	var errs []error
	counter := func(name, unit, text string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = append(errs, err)
		return c
	}
	updown := func(name, unit, text string) metric.Int64UpDownCounter {
		c, err := m.Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = append(errs, err)
		return c
	}
	histogram := func(name, text string) metric.Float64Histogram {
		h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(text), seconds)
		errs = append(errs, err)
		return h
	}
	i.consumed = counter("messaging.client.consumed.messages", "{message}", "Events that a Dispatcher took.")
	i.processed = histogram("messaging.process.duration", "Time that handlers ran for an event, without waiting.")
	i.polled = histogram("messaging.client.operation.duration", "Duration of a long poll.")
	i.called = histogram("rpc.client.call.duration", "Duration of an attempt of a call, without waiting for its turn.")
	i.eventWait = histogram("vk.event.wait.duration", "Time that an event waited for its conversation.")
	i.callWait = histogram("vk.call.wait.duration", "Time that an attempt of a call waited for its turn.")
	i.retries = counter("vk.call.retries", "{attempt}", "Attempts of calls that are retried.")
	i.active = updown("vk.events.active", "{message}", "Events that are taken and not done.")
	i.parked = updown("vk.handlers.parked", "{handler}", "Handlers that wait, such as for an answer.")
	return errors.Join(errs...)
}

// Observe is a [vk.Observer]: it records the metrics, and adds retries to the
// spans of calls. Use it as the Observer of a Client, or of a Dispatcher
// without a Client.
func (t *Telemetry) Observe(ctx context.Context, o vk.Observation) {
	method := func() []attribute.KeyValue {
		return []attribute.KeyValue{rpcSystem, attribute.String("rpc.method", o.Method)}
	}
	process := func() []attribute.KeyValue {
		return []attribute.KeyValue{messagingSystem, attribute.String("messaging.operation.name", "process"), attribute.String("vk.event.kind", o.Event.Kind)}
	}
	switch o.Step {
	case vk.StepCalled:
		t.called.Record(ctx, o.Took.Seconds(), with(method(), o.Err))
		t.callWait.Record(ctx, o.Wait.Seconds(), with(method(), nil))
	case vk.StepRepeat:
		t.retries.Add(ctx, 1, with(method(), o.Err))
		trace.SpanFromContext(ctx).AddEvent("retry", trace.WithAttributes(
			attribute.Int("vk.call.attempt", o.Attempt), attribute.Float64("vk.call.pause", o.Wait.Seconds()), errorType(o.Err)))
	case vk.StepPolled:
		attrs := []attribute.KeyValue{messagingSystem, attribute.String("messaging.operation.name", "poll"), attribute.String("messaging.operation.type", "receive")}
		t.polled.Record(ctx, o.Took.Seconds(), with(attrs, o.Err))
	case vk.StepTaken:
		t.consumed.Add(ctx, 1, with(process(), nil))
		t.active.Add(ctx, 1)
	case vk.StepBegun:
		t.eventWait.Record(ctx, o.Wait.Seconds(), with(process(), nil))
	case vk.StepParked:
		t.parked.Add(ctx, 1)
	case vk.StepResumed:
		t.parked.Add(ctx, -1)
	case vk.StepDone:
		attrs := process()
		if o.Route != "" {
			attrs = append(attrs, attribute.String("vk.route", o.Route))
		}
		t.processed.Record(ctx, o.Took.Seconds(), with(attrs, o.Err))
		t.active.Add(ctx, -1)
	}
}
