package fakevk

import "math"

func init() {
	register("podcasts.searchPodcast", userOrGroup, scopeNone, (*call).podcastsSearch)
}

// podcastsSearch finds nothing: this world has no podcasts.
func (c *call) podcastsSearch() (any, *apiError) {
	c.require("search_string")
	c.intIn("offset", 0, 0, math.MaxInt32)
	c.intIn("count", 20, 1, 1000)
	return map[string]any{"podcasts": []any{}, "results_total": 0}, nil
}
