package load

// Server is what the server says of itself.
type Server struct{}

func (s *Server) String() string { return "" }
