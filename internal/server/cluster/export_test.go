package cluster

// Hear takes a message as the transport does.
func Hear(d *Directory, subject string, data []byte) { d.hear(subject, data) }

// The bounds of what is heard.
const (
	MostNodes  = mostNodes
	MostOfNode = mostOfNode
)
