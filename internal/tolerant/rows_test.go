package tolerant

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestRows: lists share memory while they are decoded, but never their
// elements.
func TestRows(t *testing.T) {
	t.Parallel()
	type node struct {
		Name string
		Tags []string
		In   []node
	}
	text := func(n int, name string) string {
		elem := fmt.Sprintf(`{"Name":"%s","Tags":["%[1]s","b"],"In":[{"Name":"%[1]s/in","In":[]},{}]}`, name)
		return "[" + strings.Repeat(elem+",", n-1) + elem + "]"
	}
	for _, tc := range []struct {
		name  string
		sizes []int
	}{
		{"few, then many", []int{1, 300}},
		{"many, then few", []int{300, 1, 5}},
		{"larger than what is kept", []int{2000, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var all sync.WaitGroup
			for w := range 4 {
				all.Go(func() {
					var lists [][]node
					for i, n := range tc.sizes {
						var list []node
						if err := Unmarshal([]byte(text(n, fmt.Sprint(w, "-", i))), &list); err != nil {
							t.Error(err)
						}
						lists = append(lists, list)
					}
					for i, list := range lists {
						want := fmt.Sprint(w, "-", i)
						if len(list) != tc.sizes[i] {
							t.Errorf("%d elements, want %d", len(list), tc.sizes[i])
						}
						for _, e := range list {
							if e.Name != want || len(e.Tags) != 2 || e.Tags[0] != want || len(e.In) != 2 ||
								e.In[0].Name != want+"/in" || e.In[0].In == nil || e.In[1].Name != "" || e.In[1].In != nil {
								t.Errorf("%+v", e)
								return
							}
						}
					}
				})
			}
			all.Wait()
		})
	}
}
