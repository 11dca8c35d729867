// Package dbserver runs database servers for tests: Redis or Valkey, PostgreSQL, and MariaDB,
// as Debian installs them. Each server has a free port of the loopback interface
// and a directory of its own, and can be killed, paused and started again. It ends
// with the test process. The package works on Linux.
package dbserver
