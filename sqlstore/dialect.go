package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
)

// A Dialect is the SQL of a database.
type Dialect int

// The dialects. MySQL is MariaDB's, too.
const (
	SQLite Dialect = iota + 1
	PostgreSQL
	MySQL
)

// String returns the name of the dialect.
func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	case MySQL:
		return "MySQL"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// now returns the SQL for the time in milliseconds since 1970.
func (d Dialect) now() string {
	switch d {
	case PostgreSQL:
		return `CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)`
	case MySQL:
		return `CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)`
	}
	return `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`
}

// quoted returns a name, also with a schema, for statements.
func (d Dialect) quoted(name string) string {
	quote := `"`
	if d == MySQL {
		quote = "`"
	}
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = quote + strings.ReplaceAll(part, quote, quote+quote) + quote
	}
	return strings.Join(parts, ".")
}

// Schema returns the statements that create a table, such as "vk_store", one by one.
func (d Dialect) Schema(table string) []string {
	name := d.quoted(table)
	if d == MySQL {
		// MySQL does not count a row that an UPDATE leaves unchanged: "changes" makes
		// each UPDATE a change.
		return []string{`CREATE TABLE IF NOT EXISTS ` + name + ` (
	name    VARBINARY(1024) NOT NULL PRIMARY KEY,
	value   LONGBLOB NOT NULL,
	expires BIGINT NOT NULL,
	changes BIGINT NOT NULL DEFAULT 0,
	INDEX (expires)
) ENGINE = InnoDB`}
	}
	text, blob := `TEXT`, `BLOB`
	if d == PostgreSQL {
		text, blob = `TEXT COLLATE "C"`, `BYTEA`
	}
	// An index is in the schema of its table: PostgreSQL wants the schema with the
	// table's name, and SQLite with the index's.
	schema, last, qualified := strings.Cut(table, ".")
	if !qualified {
		schema, last = "", table
	}
	index, on := d.quoted(last+"_expires"), name
	if d == SQLite && qualified {
		index, on = d.quoted(schema)+"."+index, d.quoted(last)
	}
	return []string{`CREATE TABLE IF NOT EXISTS ` + name + ` (
	name    ` + text + ` NOT NULL PRIMARY KEY,
	value   ` + blob + ` NOT NULL,
	expires BIGINT NOT NULL
)`, `CREATE INDEX IF NOT EXISTS ` + index + ` ON ` + on + ` (expires) WHERE expires <> 0`}
}

// statements are the statements for a table. Those that set a value exist
// without an expiry, and with a ttl in milliseconds.
type statements struct {
	probe, get, delete, absent, sweep string
	insert, update, revive            [2]string
	list                              [2][2]string // from or after a key; to the end, or to a key
}

// statements returns the statements for a table.
func (d Dialect) statements(table string) statements {
	in := strings.NewReplacer(
		"TABLE", d.quoted(table),
		"LIVE", `(expires = 0 OR expires > `+d.now()+`)`,
		"OVER", `expires <> 0 AND expires <= `+d.now(),
	).Replace
	s := statements{
		probe:  in(`SELECT name, value, expires FROM TABLE WHERE 1 = 0`),
		get:    in(`SELECT value FROM TABLE WHERE name = ? AND LIVE`),
		delete: in(`DELETE FROM TABLE WHERE name = ? AND value = ? AND LIVE`),
		absent: in(`SELECT COUNT(*) FROM TABLE WHERE name = ? AND LIVE`),
		sweep:  in(`DELETE FROM TABLE WHERE name IN (SELECT name FROM TABLE WHERE OVER LIMIT 256)`),
	}
	switch d {
	case PostgreSQL:
		s.sweep = in(`DELETE FROM TABLE WHERE name IN (SELECT name FROM TABLE WHERE OVER LIMIT 256 FOR UPDATE SKIP LOCKED)`)
	case MySQL:
		s.sweep = in(`DELETE FROM TABLE WHERE OVER LIMIT 256`)
	}
	for i, expires := range []string{`0`, d.now() + ` + ?`} {
		s.insert[i] = in(`INSERT INTO TABLE AS old (name, value, expires) VALUES (?, ?, ` + expires + `)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires
			WHERE old.expires <> 0 AND old.expires <= ` + d.now())
		s.update[i] = in(`UPDATE TABLE SET value = ?, expires = ` + expires + ` WHERE name = ? AND value = ? AND LIVE`)
		if d == MySQL {
			s.insert[i] = in(`INSERT INTO TABLE (name, value, expires) VALUES (?, ?, ` + expires + `)`)
			s.update[i] = in(`UPDATE TABLE SET value = ?, changes = changes + 1, expires = ` + expires + ` WHERE name = ? AND value = ? AND LIVE`)
			s.revive[i] = in(`UPDATE TABLE SET value = ?, changes = changes + 1, expires = ` + expires + ` WHERE name = ? AND OVER`)
		}
		from, to := []string{` >= `, ` > `}[i], ` AND LIVE ORDER BY name LIMIT `+strconv.Itoa(listed)
		s.list[i][0] = in(`SELECT name, value FROM TABLE WHERE name` + from + `?` + to)
		s.list[i][1] = in(`SELECT name, value FROM TABLE WHERE name` + from + `? AND name < ?` + to)
	}
	if d == PostgreSQL {
		for _, sql := range []*string{&s.get, &s.delete, &s.absent, &s.insert[0], &s.insert[1], &s.update[0], &s.update[1],
			&s.list[0][0], &s.list[0][1], &s.list[1][0], &s.list[1][1]} {
			*sql = numbered(*sql)
		}
	}
	return s
}

// numbered replaces the question marks of a statement by $1, $2 and so on. A name of a
// table has none: see [Open].
func numbered(sql string) string {
	parts := strings.Split(sql, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}
