package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/dbserver"
)

// scenarios are the measurements, in their order. Each prints its figures, and returns an
// error if a promise is broken.
var scenarios = []struct {
	name string
	run  func(*dbserver.Server) error
}{
	{"throughput", throughput},
	{"cost", cost},
	{"kill", kill},
	{"pause", pause},
	{"outage", outage},
	{"ask", ask},
	{"rate", rate},
	{"cooldown", cooldown},
	{"rolling", rolling},
}

func main() {
	if settings := os.Getenv(childVar); settings != "" {
		if err := child(settings); err != nil {
			fmt.Fprintln(os.Stderr, "process:", err)
			os.Exit(1)
		}
		return
	}
	only := flag.String("run", "", "names of scenarios, with commas between them; all if empty")
	flag.Parse()
	redis, err := dbserver.Redis("--appendonly", "yes", "--appendfsync", "everysec")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	broken := 0
	for _, s := range scenarios {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), s.name) {
			continue
		}
		if err := s.run(redis); err != nil {
			broken++
			fmt.Printf("%-11s BROKEN: %v\n", s.name, err)
		}
	}
	redis.Close()
	if broken > 0 {
		os.Exit(1)
	}
}
