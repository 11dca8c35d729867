//go:build goexperiment.jsonv2

package main

const jsonVersion = "encoding/json over encoding/json/v2"
