package vkotel_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/vkrouter/vk"
	vkotel "github.com/vkrouter/vk/otel"
	"github.com/vkrouter/vk/vktest"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// A bot that exports metrics to Prometheus.
func Example() {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		log.Fatal(err)
	}
	t, err := vkotel.New(vkotel.Config{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))})
	if err != nil {
		log.Fatal(err)
	}

	fake := vktest.NewServer() // on VK, this is vk.NewClient(token)
	defer fake.Close()
	client := fake.Client()
	client.Observer = t.Observe // metrics
	client.Use(t.Call)          // traces of calls
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	ready := make(chan struct{})
	p := &vk.Poller{Client: client, Handler: vk.Wrap(r, t.Handle), Ready: func(int64) { close(ready) }}
	go func() { ended <- p.Run(ctx) }()
	<-ready

	anna := fake.User("Anna")
	anna.Says("!ping")
	anna.Hears("pong")
	cancel()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}

	// The page served by http.Handle("/metrics", …).
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, "messaging_client_consumed_messages_total") || strings.HasPrefix(line, "vk_events_active") {
			name, _, _ := strings.Cut(line, "{")
			fmt.Println(name, line[strings.LastIndex(line, " ")+1:len(line)-1])
		}
	}
	// Output:
	// messaging_client_consumed_messages_total 1
	// vk_events_active 0
}

// A Dispatcher with events that have no Client.
func ExampleTelemetry_Observe() {
	t, err := vkotel.New(vkotel.Config{}) // the global providers
	if err != nil {
		log.Fatal(err)
	}
	d := &vk.Dispatcher{
		Handler:  vk.HandlerFunc(func(c *vk.Context) error { fmt.Println(c.Text()); return nil }),
		Observer: t.Observe,
	}
	e, err := vk.NewMessageEvent(1, &vk.Message{PeerID: 1, FromID: 1, Text: "hi"})
	if err != nil {
		log.Fatal(err)
	}
	if err := d.Dispatch(context.Background(), e); err != nil {
		log.Fatal(err)
	}
	d.Stop(context.Background())
	// Output: hi
}

// This is the code of README.md.
var _ = func(ctx context.Context, client *vk.Client, router *vk.Router) error {
	t, err := vkotel.New(vkotel.Config{}) // the global providers
	if err != nil {
		return err
	}
	client.Observer = t.Observe          // metrics, and retries in the spans of calls
	client.Use(t.Call)                   // a span for each call
	handler := vk.Wrap(router, t.Handle) // a span for each event
	router.Use(t.Handle)                 // a span for each route, named after its pattern
	return (&vk.Poller{Client: client, Handler: handler}).Run(ctx)
}
