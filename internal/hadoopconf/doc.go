// Package hadoopconf reads Hadoop's configuration the way Hadoop does, and hands out what a JournalNode needs of it.
//
// It has two layers. Configuration is Hadoop's org.apache.hadoop.conf.Configuration: XML resources read in a fixed order
// (core-default, core-site, hdfs-default, hdfs-site, then -conf files, then -D), later ones winning unless a value is
// final, with ${var} expansion, deprecated names and typed getters. JournalNode is a plain struct filled from it once, at
// start; nothing else in gojn knows a property name.
//
// The table Keys lists every key that a Java JournalNode reads, with its defaults in Hadoop 2.7 and 3.4 and what gojn does
// with it: obeyed, refused, warned about, or unused because it has no effect in what gojn serves. The defaults in it are
// those that Load uses, and docs/configuration.md is generated from it. CompatRows lists where the releases differ.
//
// A Configuration is immutable after Load and may be used by many goroutines.
package hadoopconf

//go:generate go test -run TestConfigurationDocument -update .
