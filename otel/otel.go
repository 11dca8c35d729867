package vkotel

import (
	"context"
	"errors"
	"strconv"

	"github.com/vkrouter/vk"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/vkrouter/vk/otel"

// A Config configures a Telemetry. The zero Config uses the global providers.
type Config struct {
	TracerProvider trace.TracerProvider // nil: otel.GetTracerProvider()
	MeterProvider  metric.MeterProvider // nil: otel.GetMeterProvider()
}

// A Telemetry reports to OpenTelemetry. Its methods are safe for concurrent use. One
// Telemetry serves any number of Clients and Dispatchers.
type Telemetry struct {
	tracer trace.Tracer
	instruments
}

// New returns a Telemetry. It returns an error if the MeterProvider rejects an
// instrument.
func New(c Config) (*Telemetry, error) {
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	if c.MeterProvider == nil {
		c.MeterProvider = otel.GetMeterProvider()
	}
	t := &Telemetry{tracer: c.TracerProvider.Tracer(scope)}
	if err := t.instruments.make(c.MeterProvider.Meter(scope)); err != nil {
		return nil, err
	}
	return t, nil
}

var (
	messagingSystem = attribute.String("messaging.system", "vk")
	rpcSystem       = attribute.String("rpc.system.name", "vk")
)

// errorType returns the attribute error.type of an error.
func errorType(err error) attribute.KeyValue {
	const key = "error.type"
	var refused *vk.Error
	switch {
	case errors.As(err, &refused):
		return attribute.String(key, strconv.Itoa(int(refused.Code)))
	case errors.Is(err, context.DeadlineExceeded):
		return attribute.String(key, "timeout")
	case errors.Is(err, context.Canceled), errors.Is(err, vk.ErrStopped):
		return attribute.String(key, "canceled")
	}
	return attribute.String(key, "other")
}

// with appends the error.type of err, unless err is nil.
func with(attrs []attribute.KeyValue, err error) metric.MeasurementOption {
	if err != nil {
		attrs = append(attrs, errorType(err))
	}
	return metric.WithAttributes(attrs...)
}
