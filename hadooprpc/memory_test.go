package hadooprpc_test

func runChild() bool { return false }
