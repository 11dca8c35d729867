package command

// QuotePairs returns every pair of marks that begins and ends a quoted word.
func QuotePairs() (pairs []string) {
	for begin, ends := range quotes {
		for _, end := range ends {
			pairs = append(pairs, string(begin)+string(end))
		}
	}
	return pairs
}
