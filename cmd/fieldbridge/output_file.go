package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// writeOutput writes a file that appears only once it is complete. An existing file
// keeps its owner and permissions. A symbolic link stays, and the file that it leads to
// is written. Output to something else, such as a pipe or a device, is written
// directly.
func writeOutput(ctx context.Context, path string, write func(io.Writer) error) error {
	old, err := os.Stat(path)
	switch {
	case path == "":
		err = errors.New("the file has no name")
	case errors.Is(err, fs.ErrNotExist):
		err = replaceFile(followed(path), nil, write)
	case err != nil:
	case old.IsDir():
		err = errors.New("it is a folder; name a file in it")
	case old.Mode().IsRegular():
		err = replaceFile(followed(path), old, write)
	default:
		err = writeThrough(ctx, path, write)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// mostLinks is how many links may lead from one to the next, as in Linux.
const mostLinks = 40

// followed returns the path that symbolic links lead to, whether or not a file exists
// there.
func followed(path string) string {
	for range mostLinks {
		to, err := os.Readlink(path)
		if err != nil {
			break // it is not a link
		}
		if !filepath.IsAbs(to) {
			// filepath.Join would remove "link/..", but a link may lead to another folder.
			folder, _ := filepath.Split(path)
			to = folder + to
		}
		path = to
	}
	return path
}

// replaceFile replaces the old file, if there is one.
func replaceFile(path string, old fs.FileInfo, write func(io.Writer) error) error {
	// The new file is in the same folder, because only there is a rename sure to work.
	// The library cleans the folder's path, which has no links at this point.
	folder, _ := filepath.Split(path)
	folder, err := filepath.EvalSymlinks(folder + ".")
	if err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(folder), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // does nothing once the file is in its place
	if old != nil {
		if err := keepOwner(f.File, old); err != nil {
			return err
		}
	}
	if err := writeBuffered(f, write); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// keepOwner gives a file the owner and permissions of the old one.
func keepOwner(f *os.File, old fs.FileInfo) error {
	owner, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	err := f.Chown(int(owner.Uid), int(owner.Gid))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("the existing file belongs to someone else, and replacing it would change that; delete it first, or write to another: %w", err)
	}
	return err
}

// writeThrough writes to something that is not a regular file. A pipe opens when
// somebody reads it, and takes only as much as they read. The wait for a reader ends
// with the context.
func writeThrough(ctx context.Context, path string, write func(io.Writer) error) error {
	written := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // #nosec G304 -- the operator names it
		if err == nil {
			err = errors.Join(writeBuffered(f, write), f.Close())
		}
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func writeBuffered(w io.Writer, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}
