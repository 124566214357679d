// Package log holds the logger variable that Traefik sets at start.
package log

// StdLogger is what Traefik's log wrapper implements.
type StdLogger interface {
	Fatal(args ...any)
	Fatalln(args ...any)
	Fatalf(format string, args ...any)
	Print(args ...any)
	Println(args ...any)
	Printf(format string, args ...any)
}

// Logger is set by Traefik and never used, since nothing here logs.
var Logger StdLogger
