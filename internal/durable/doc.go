// Package durable tests that handlers survive the end of their process: see
// docs/durable.md.
package durable
