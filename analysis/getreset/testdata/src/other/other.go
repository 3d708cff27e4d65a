// Package other has types that others keep in pools.
package other

type Message struct{ ID, Text string }

func (m *Message) Reset()                        { *m = Message{} }
func (*Message) ProtoMessage()                   {}
func (m *Message) UnmarshalVT(text []byte) error { m.Text = string(text); return nil }

type Header struct{ ID int }

func (h *Header) Reset() { h.ID = 0 }

type Plain struct{ ID int }

func (p *Plain) Reset()      { p.ID = 0 }
func (*Plain) ProtoMessage() {}
