//go:build !unix

package server

// hasReadFD says that readFD cannot be used.
const hasReadFD = false

func readFD(uintptr, []byte) (int, error) { panic("server: readFD is not there") }
