package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// An export whose reader has stalled ends at the first signal.
func TestExportToAStalledReaderStops(t *testing.T) {
	dir := t.TempDir()
	address := filepath.Join(dir, "app.db")
	db, err := database.Open(t.Context(), address, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db, newKeyset(t), 2000) // more than a pipe holds
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	var screen bytes.Buffer
	p := command(t, map[string]string{"FIELDBRIDGE_DATABASE_URL": address}, "export", "-")
	p.Stdout, p.Stderr = writer, &screen
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	// The export has begun to write, and nothing more is read.
	if _, err := io.ReadFull(reader, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(screen.String(), "the export was stopped before its end\n") {
			t.Errorf("it ends with %v and says %q", err, screen.String())
		}
	case <-time.After(time.Minute):
		_ = p.Process.Kill()
		t.Error("it does not end")
	}
}
