//go:build !unix

package conn

// hasReadFD says that readFD cannot be used.
const hasReadFD = false

func readFD(uintptr, []byte) (int, error) { panic("conn: readFD is not there") }

func writeFD(uintptr, []byte) (int, error) { panic("conn: writeFD is not there") }
