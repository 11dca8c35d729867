//go:build unix

package docs_test

import (
	"net"
	"os"
	"syscall"
	"testing"
)

// TestDocsProductionStops: the programs of docs/production.md exit with status
// 0 after a signal.
func TestDocsProductionStops(t *testing.T) {
	t.Parallel()
	for call := range productionBots {
		t.Run(call, func(t *testing.T) {
			program, _ := buildProduction(t, call)
			for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
				proxy, err := net.Listen("tcp", "127.0.0.1:0") // stands in for the network
				if err != nil {
					t.Fatal(err)
				}
				cmd := productionRun(t, program, "token", proxy.Addr().String())
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() {
					ended <- cmd.Wait()
					proxy.Close()
				}()
				conn, err := proxy.Accept() // the program makes its first call
				if err != nil {
					t.Fatalf("no call to VK: the program ended with %v", <-ended)
				}
				conn.Close()
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; err != nil {
					t.Errorf("after %v: %v", signal, err)
				}
			}
		})
	}
}
