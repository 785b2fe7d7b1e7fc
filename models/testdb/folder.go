package testdb

import (
	"os"
	"syscall"
	"testing"
)

// inMemory is a file system in memory on most machines.
const inMemory = "/dev/shm"

// What must be free in memory for databases to be kept there: a few files of
// SQLite are small, a cluster of PostgreSQL is not.
const (
	sqliteRoom   = 256 << 20
	postgresRoom = 2 << 30
)

// parent returns where to make folders for databases. Every commit of SQLite
// and every new database of PostgreSQL waits for a disk, and nothing in them
// outlives the tests. So they are in memory where so many bytes are free there,
// and otherwise in the usual place, whose name is empty.
func parent(room uint64) string {
	var at syscall.Statfs_t
	if err := syscall.Statfs(inMemory, &at); err != nil || at.Bavail*uint64(at.Bsize) < room {
		return ""
	}
	return inMemory
}

// folder returns a new folder that is gone after the test.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent(sqliteRoom), "fieldbridge-sqlite-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
