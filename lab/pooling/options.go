package pooling

import (
	"fmt"
	"slices"
	"strings"
)

// Options returns the options, in the order of tables: those that a program might have, from the least to the most.
func Options() []Option {
	return []Option{
		{Name: "none", About: "make for each buffer; the collector takes it back", lenders: newNone},
		{Name: "mutex", About: "as many buffers as can be in use, under a mutex", keeps: true, lenders: newMutex},
		{Name: "channel", About: "a channel of 16 buffers of each size; make when it is empty, dropped when it is full", holds: channelCapacity, lenders: newChannel},
		{Name: "syncpool-slice", About: "a sync.Pool of []byte for each size", keeps: true, lenders: newSyncPoolSlice},
		{Name: "syncpool-pointer", About: "a sync.Pool of *[]byte for each size", keeps: true, lenders: newSyncPoolPointer},
		{Name: "bytebufferpool", About: "a bytebufferpool.Pool of valyala's for each size", keeps: true, lenders: newByteBufferPool},
		{Name: "arena", About: "one allocation for a batch, cut into its buffers and dropped at its end", lenders: newArena},
		{Name: "pool", About: "package pool of this project: handles, size classes", ours: true, keeps: true, lenders: newPool},
	}
}

// optionsNamed returns the options of these names among known, in the order given.
func optionsNamed(known []Option, names []string) ([]Option, error) {
	var found []Option
	for _, name := range names {
		i := slices.IndexFunc(known, func(o Option) bool { return o.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("options: got %q, want some of %s", name, optionNames(known))
		}
		found = append(found, known[i])
	}
	return found, nil
}

// optionNames returns the names, for a reader.
func optionNames(options []Option) string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Name
	}
	return strings.Join(names, ", ")
}
