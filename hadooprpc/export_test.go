package hadooprpc
