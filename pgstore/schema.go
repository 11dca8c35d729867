package pgstore

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The statements that create the tables and functions. In them, STORE and
// STORE_x stand for tables, INDEX_x for indexes, FUNC_x for functions, and
// LITERAL_x for names as text.
var (
	//go:embed sql/tables.sql
	tablesSQL string
	//go:embed sql/queue.sql
	queueSQL string
	//go:embed sql/limits.sql
	limitsSQL string
)

// schemaVersion ends the names of functions. Versions of the package with
// different functions have different schema versions, and can run side by side.
const schemaVersion = "_2"

// maxTable is the maximum length of a table's name. A PostgreSQL name has at
// most 63 bytes.
const maxTable = 44

// Schema returns the statements that create the tables and functions for a Config.Table,
// such as "vk_store" or "bots.shop".
func Schema(table string) string {
	return inTable(table, tablesSQL+"\n"+queueSQL+"\n"+limitsSQL)
}

// created returns the names that the statements create and that match a
// pattern.
func created(table, pattern string) (names []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(tablesSQL+queueSQL+limitsSQL, -1) {
		names = append(names, inTable(table, m[1]))
	}
	return names
}

// checkTable returns an error for an invalid table name.
func checkTable(table string) error {
	parts := strings.Split(table, ".")
	if name := parts[len(parts)-1]; len(parts) > 2 || parts[0] == "" || name == "" || len(name) > maxTable || strings.ContainsAny(table, "$\x00") {
		return fmt.Errorf("pgstore: Config.Table %.100q: want table or schema.table, at most %d bytes of table, and no $", table, maxTable)
	}
	return nil
}

var placeholders = regexp.MustCompile(`\b(STORE|INDEX|FUNC|LITERAL)(_[a-z]+(?:_[a-z]+)*)?\b`)

// inTable returns statements for a table.
func inTable(table, statements string) string {
	schema, name, ok := strings.Cut(table, ".")
	if !ok {
		schema, name = "", table
	}
	quote := func(suffix string) string {
		if schema != "" {
			return pgx.Identifier{schema, name + suffix}.Sanitize()
		}
		return pgx.Identifier{name + suffix}.Sanitize()
	}
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return placeholders.ReplaceAllStringFunc(statements, func(m string) string {
		kind, suffix, _ := strings.Cut(m, "_")
		if suffix != "" {
			suffix = "_" + suffix
		}
		switch {
		case kind == "STORE":
			return quote(suffix)
		case kind == "INDEX" && suffix != "": // not the keyword
			return pgx.Identifier{name + suffix}.Sanitize()
		case kind == "FUNC":
			return quote(suffix + schemaVersion)
		case m == "LITERAL_wake":
			return literal(channel(table))
		case m == "LITERAL_seq":
			return literal(quote("_seq"))
		case m == "LITERAL_lock":
			return literal(table)
		}
		return m
	})
}

// channel returns the name of the channel that wakes the Takes of a table.
func channel(table string) string {
	_, name, ok := strings.Cut(table, ".")
	if !ok {
		name = table
	}
	return name + "_wake"
}
