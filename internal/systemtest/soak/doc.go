// Package soak runs a destination for hours of virtual time as a shop would:
// single events, arrays and a stream beside each other, while requests fail,
// senders give up, and agents rename and delete contacts and merge, delete and
// reply to tickets. At the end no contact or ticket exists twice, none belongs to
// somebody else, no event is lost and none is stuck. -v prints what happened.
//
// Without the -soak flag it runs half an hour of two seeds instead of six hours
// of eight:
//
//	go test ./internal/systemtest/soak
//	go test ./internal/systemtest/soak -soak -v
package soak
