// Package testkit holds what tests share and what does not need package trengo:
// stub transports, requests as text, and the -soak flag. Package fixtures below
// it holds the rest. Only tests import them.
package testkit
