// Package dbserver runs database servers for tests: Redis or Valkey,
// PostgreSQL, and MariaDB, as Debian installs them. Each server has a free port
// of the loopback interface and its own directory, and can be killed, paused
// and restarted. It ends with the test process. The package works on Linux.
package dbserver
