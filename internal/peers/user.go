package peers

import (
	"os"
	"os/user"
)

// User is who a process is to other nodes without security (Java UserGroupInformation.HadoopLoginModule.commit):
// HADOOP_USER_NAME, else the user that the operating system knows.
func User() string {
	if name, ok := os.LookupEnv("HADOOP_USER_NAME"); ok && name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	return "gojn" // a container's user without a name: Java ends with an error
}
