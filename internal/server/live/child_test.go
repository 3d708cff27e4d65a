package live

func runAsChild() bool { return false }
