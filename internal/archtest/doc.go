// Package archtest holds tests on the structure of the whole module.
package archtest
