package vkotel

import (
	"context"
	"encoding/json"

	"github.com/vkrouter/vk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Handle is a [vk.Middleware] that makes a span of each run of the handler: one
// for each event around a whole bot ([vk.Wrap]), or one for each route and
// listener around routes ([vk.Router.Use]). Calls that the handler makes with
// its Context are in its span.
func (t *Telemetry) Handle(next vk.HandlerFunc) vk.HandlerFunc {
	return func(c *vk.Context) error {
		e := c.Event()
		name := "process " + e.Kind
		attrs := []attribute.KeyValue{
			messagingSystem, attribute.String("messaging.operation.name", "process"), attribute.String("messaging.operation.type", "process"),
			attribute.String("vk.event.kind", e.Kind), attribute.Int64("vk.group.id", e.GroupID),
		}
		if e.ID != "" {
			attrs = append(attrs, attribute.String("messaging.message.id", e.ID))
		}
		if peer := c.PeerID(); peer != 0 {
			attrs = append(attrs, attribute.Int64("vk.peer.id", peer))
		}
		if route := c.Route(); route != nil {
			name = route.Pattern
			attrs = append(attrs, attribute.String("vk.route", route.Pattern))
		}
		ctx, span := t.tracer.Start(c, name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attrs...))
		defer span.End() // also if the handler panics
		err := next(c.WithContext(ctx))
		fail(span, err)
		return err
	}
}

// Call wraps the calls of a Client; pass it to [vk.Client.Use]. It makes a span
// of each call, including its retries.
func (t *Telemetry) Call(next vk.CallFunc) vk.CallFunc {
	return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
		ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(rpcSystem, attribute.String("rpc.method", method)))
		defer span.End()
		raw, err := next(ctx, method, p)
		fail(span, err)
		return raw, err
	}
}

// fail records the error of a span's work, if there is one.
func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	span.SetAttributes(errorType(err))
	span.SetStatus(codes.Error, err.Error())
}
