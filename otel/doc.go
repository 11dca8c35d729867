// Package vkotel reports a bot's activity to OpenTelemetry: metrics and traces
// of events, handlers and calls of the VK API.
//
//	t, err := vkotel.New(vkotel.Config{}) // the global providers
//	if err != nil {
//		return err
//	}
//	client.Observer = t.Observe
//	client.Use(t.Call)
//	handler := vk.Wrap(router, t.Handle)
//
// # Traces
//
// Each run of the bot for an event is a span of the kind consumer, "process
// message_new". Each route that t.Handle wraps by [vk.Router.Use] is a span in
// it, named after the route's pattern. Each call of the API is a span of the
// kind client, "messages.send", in the span of its handler; attempts that are
// retried are events of the span. A handler that waits, such as for an answer,
// keeps its span open.
//
// Attributes are those of the semantic conventions for messaging and RPC, where
// such conventions exist. Message texts, tokens and call parameters are never
// attributes.
//
// # Metrics
//
//	messaging.client.consumed.messages   counter    events that a Dispatcher accepted, by kind
//	messaging.process.duration           histogram  seconds that handlers ran for an event, without waiting
//	messaging.client.operation.duration  histogram  seconds of a long poll
//	rpc.client.call.duration             histogram  seconds of an attempt of a call, without waiting for its turn
//	vk.event.wait.duration               histogram  seconds that an event waited for its conversation
//	vk.call.wait.duration                histogram  seconds that an attempt waited for its turn
//	vk.call.retries                      counter    attempts that are retried, by method and error
//	vk.events.active                     updown     unfinished events
//	vk.handlers.parked                   updown     handlers that wait, such as for an answer
//
// The attribute error.type is the code of VK's error, "timeout", "canceled" or
// "other".
package vkotel
