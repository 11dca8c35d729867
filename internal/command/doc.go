// Package command reads command lines: it finds a command by its words, and
// its arguments by the placeholders of a pattern.
//
//	pattern     = words { " " placeholder }
//	words       = alt { " " alt }    alt = word { "|" word }
//	placeholder = "{" name [ ":" type { "|" type } ] [ "..." ] [ "?" | "=" default ] "}"
//	default     = up to "}", or a Go-quoted string
//
// [Parse] reads a pattern. A [Tree] finds the command with the most words at
// the beginning of a text. A [Reader] reads the arguments behind these words
// by means of [Converter]s, of which each makes the values of one type. A
// [Binding] puts the arguments into the fields of a struct. [AppendArg] goes
// the other way and writes a command line that reads back as it was given.
//
// The package knows no chat service: types of arguments that need one come by
// the lookup of Parse, and a Converter gets a context from the Reader.
package command
