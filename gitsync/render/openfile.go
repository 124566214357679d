package render

import (
	"bytes"
	"io/fs"
	"time"
)

// openFile is a file that was opened for reading.
type openFile struct {
	*bytes.Reader
	info info
}

// Close does nothing.
func (*openFile) Close() error { return nil }

// Write is refused.
func (o *openFile) Write([]byte) (int, error) { return 0, readOnly("write", o.info.name) }

// Stat describes the file.
func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }

// info describes a file or a folder of a commit. Nothing in a commit has a time.
type info struct {
	name string
	dir  bool
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
